"""Training of a classifier: data, losses, optimizers, schedule, loop and checkpoints."""
