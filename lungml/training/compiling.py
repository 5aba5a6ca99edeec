"""One program for all layers of a network (`torch.compile`)."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn


def compiled(network: nn.Module) -> nn.Module:
    """The same network with the same weights, whose layers are compiled when it is first called.

    Programs that were compiled before are let go: a training changes what it trains a dozen times, and torch
    gives up compiling, without a word, after eight versions of one network.
    """
    torch.compiler.reset()
    return cast("nn.Module", torch.compile(network, dynamic=False))
