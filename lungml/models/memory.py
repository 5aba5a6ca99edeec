"""What to do where a device has too little memory for all images at once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Tensors = tuple[Tensor, ...]


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch found no memory, on a GPU or in the machine."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def by_halves(compute: Callable[..., Tensors], inputs: Tensors) -> Tensors:
    """`compute(*inputs)`, in two halves where memory does not suffice, and so on down to one item.

    For what treats every item by itself, so that halves change a result by rounding at most.

    Args:
        compute: tensors (n, ...) -> tensors (n, ...).
        inputs: (n, ...) each.

    Raises:
        RuntimeError: there is no memory for one item.
    """
    try:
        return compute(*inputs)
    except RuntimeError as error:
        if not is_out_of_memory(error) or len(inputs[0]) == 1:
            raise
    # not within `except`, where the error still holds what was computed
    half = len(inputs[0]) // 2
    first = by_halves(compute, tuple(each[:half] for each in inputs))
    second = by_halves(compute, tuple(each[half:] for each in inputs))
    return tuple(torch.cat(pair) for pair in zip(first, second, strict=True))
