"""What was computed once for each of many items, in memory or, where it is much, in a file without a name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lungml.augment.balance import IntArray
from lungml.files import unnamed_bytes
from lungml.training.validation import BLOCK

Inputs = tuple[Tensor, ...]
Compute = Callable[[IntArray], Inputs]
"""Numbers of items (n,) -> tensors (n, ...), at least one."""
_IN_MEMORY = 1 << 30
_LARGEST_HALF = 65504.0


class Kept:
    """Tensors (n, ...) for any of `count` numbered items, computed when they are first asked for.

    Items are computed in blocks of fixed membership, so an item's bytes do not depend on what was asked for
    before: a resumed training finds the same.
    """

    def __init__(self, count: int, *, halved: bool = False, folder: Path | None = None) -> None:
        """Keep nothing yet.

        Args:
            count: of items.
            halved: keep float32 in 16 bits; values beyond 65504 are held there.
            folder: for the file; None is the system's for temporary files.
        """
        self._count = count
        self._halved = halved
        self._folder = folder
        self._done = np.zeros(-(-count // BLOCK), bool)
        self._shelves: list[_Shelf] = []

    def take(self, items: IntArray, compute: Compute) -> Inputs:
        """Copies of the tensors of `items`, in their order; `compute` is asked for what is not there yet."""
        blocks = np.unique(items // BLOCK)
        for block in blocks[~self._done[blocks]].tolist():
            self._fill(block, compute)
        numbers = torch.from_numpy(items)
        return tuple(shelf.take(numbers) for shelf in self._shelves)

    def _fill(self, block: int, compute: Compute) -> None:
        start, end = block * BLOCK, min((block + 1) * BLOCK, self._count)
        made = compute(np.arange(start, end))
        self._shelves = self._shelves or self._put_up(made)
        for shelf, tensor in zip(self._shelves, made, strict=True):
            shelf.put(start, end, tensor)
        self._done[block] = True

    def _put_up(self, made: Inputs) -> list[_Shelf]:
        kinds = [_Kind(tensor, halved=self._halved) for tensor in made]
        sizes = [self._count * kind.bytes_an_item for kind in kinds]
        in_memory = sum(sizes) <= _IN_MEMORY
        return [
            _Shelf(kind, torch.empty(size, dtype=torch.uint8) if in_memory else self._file(size))
            for kind, size in zip(kinds, sizes, strict=True)
        ]

    def _file(self, size: int) -> Tensor:
        return torch.from_numpy(unnamed_bytes(size, self._folder))


class _Kind:
    """How a tensor is kept: in which type, and in the layout it was made in, which decides what layers do."""

    def __init__(self, like: Tensor, *, halved: bool) -> None:
        self.made = like.dtype
        self.kept = torch.float16 if halved and like.dtype == torch.float32 else like.dtype
        strides = like.stride()
        inner = sorted(range(1, like.ndim), key=lambda axis: -strides[axis])
        self.order = (0, *inner)
        self.shape = tuple(like.shape[axis] for axis in inner)
        self.bytes_an_item = int(np.prod(self.shape)) * self.kept.itemsize

    def back(self, kept: Tensor) -> Tensor:
        """A tensor as it was made."""
        inverse = sorted(range(len(self.order)), key=self.order.__getitem__)
        return kept.to(self.made).permute(inverse)


class _Shelf:
    """One tensor of every item."""

    def __init__(self, kind: _Kind, buffer: Tensor) -> None:
        self._kind = kind
        self._rows = buffer.view(kind.kept).view(-1, *kind.shape)

    def put(self, start: int, end: int, made: Tensor) -> None:
        ordered = made.permute(self._kind.order)
        if self._kind.kept != self._kind.made:
            ordered = ordered.clamp(-_LARGEST_HALF, _LARGEST_HALF)
        self._rows[start:end].copy_(ordered)

    def take(self, numbers: Tensor) -> Tensor:
        return self._kind.back(self._rows.index_select(0, numbers))
