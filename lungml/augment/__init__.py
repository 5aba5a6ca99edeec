"""Random changes of training examples: geometry, mixing and up-sampling; drawing is apart from applying."""
