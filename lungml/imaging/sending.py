"""Values from the machine's memory to that of a device, without waiting for the copy."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def rows_on(device: str, values: NDArray[Any], rows: NDArray[np.int64]) -> Tensor:
    """Rows (M, ...) of `values` (N, ...), gathered in memory that a GPU fetches from by itself."""
    if device == "cpu":
        return torch.from_numpy(values[rows])
    kind = torch.from_numpy(values[:0]).dtype
    gathered = torch.empty((len(rows), *values.shape[1:]), dtype=kind, pin_memory=True)
    np.take(values, rows, axis=0, out=gathered.numpy(), mode="clip")
    return gathered.to(device, non_blocking=True)


def sent_to(device: str | torch.device, values: Tensor) -> Tensor:
    """A tensor of the machine's memory on the device; the same one if that is the processor."""
    if torch.device(device).type == "cpu":
        return values
    return values.pin_memory().to(device, non_blocking=True)
