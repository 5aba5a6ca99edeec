"""One program for all layers of a network (`torch.compile`)."""

from __future__ import annotations

import os
import shutil
from typing import cast

import torch
from torch import nn

from lungml.errors import ParamsError


def compiled(network: nn.Module) -> nn.Module:
    """The same network with the same weights, whose layers are compiled when it is first called.

    Programs that were compiled before are let go: a training changes what it trains a dozen times, and torch
    gives up compiling, without a word, after eight versions of one network.

    Raises:
        ParamsError: there is no compiler.
    """
    wanted = os.environ.get("CXX", "g++")  # as torch looks for it
    if shutil.which(wanted) is None:
        raise ParamsError(
            f"recipe.compile needs a C++ compiler, and there is no {wanted} here; install one, name another "
            "with the variable CXX, or set recipe.compile: false"
        )
    torch.compiler.reset()
    return cast("nn.Module", torch.compile(network, dynamic=False))
