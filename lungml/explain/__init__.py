"""Where a model looks: Grad-CAM++ maps of test cases, what they are worth, and whether to trust them."""
