"""Small networks on a shared machine: one thread is quicker than several that wait for each other."""

import torch

torch.set_num_threads(1)
