"""Small three-dimensional masks in the grid of a large volume, and what readers' outlines make of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungml.nodules.polygon import strictly_inside

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Outline:
    """One contour in canonical voxels: plane `z`, vertices `y` and `x` (n,); a hole if not `inclusion`."""

    z: int
    inclusion: bool
    y: Float
    x: Float


@dataclass(frozen=True)
class Stack:
    """Voxels (z, y, x), bool or counts, whose first one is voxel `origin` of the volume."""

    origin: tuple[int, int, int]
    voxels: NDArray[Any]

    @property
    def size(self) -> int:
        """How many voxels are not zero."""
        return int(np.count_nonzero(self.voxels))

    def centre(self) -> Float:
        """(3,) mean voxel index (z, y, x) of what is not zero, in the volume."""
        centre: Float = np.argwhere(self.voxels).mean(axis=0) + self.origin
        return centre

    def plane(self, z: int, shape: tuple[int, int]) -> NDArray[Any]:
        """Plane `z` of the volume, (y, x) of `shape`; zeros where the stack does not reach."""
        plane = np.zeros(shape, dtype=self.voxels.dtype)
        index = z - self.origin[0]
        if 0 <= index < len(self.voxels):
            _, y, x = self.origin
            height, width = self.voxels.shape[1:]
            inside = self.voxels[index][: max(0, shape[0] - y), : max(0, shape[1] - x)]
            plane[y : y + height, x : x + width] = inside
        return plane


def overlap(first: Stack, second: Stack) -> int:
    """How many voxels two boolean stacks share."""
    low = np.maximum(first.origin, second.origin)
    ends = [np.add(each.origin, each.voxels.shape) for each in (first, second)]
    high = np.minimum(*ends)
    if (high <= low).any():
        return 0
    parts = [
        each.voxels[tuple(slice(a - o, b - o) for a, b, o in zip(low, high, each.origin, strict=True))]
        for each in (first, second)
    ]
    return int(np.count_nonzero(parts[0] & parts[1]))


def reading_stack(outlines: Sequence[Outline]) -> Stack:
    """Voxels of one reading: strictly inside an inclusion, and not inside a hole.

    A reading too thin to have an inside (two or three pixels wide) is its outline instead.
    """
    origin, shape = _bounds(outlines)
    added = np.zeros(shape, dtype=np.bool_)
    holes = np.zeros(shape, dtype=np.bool_)
    for outline in outlines:
        y, x = outline.y - origin[1], outline.x - origin[2]
        target = added if outline.inclusion else holes
        target[outline.z - origin[0]] |= strictly_inside(y, x, shape[1:])
    added &= ~holes
    if not added.any():
        for outline in outlines:
            y, x = np.rint(outline.y).astype(int), np.rint(outline.x).astype(int)
            added[outline.z - origin[0], y - origin[1], x - origin[2]] = True
    return Stack(origin, added)


def count_readers(stacks: Mapping[int, Iterable[Stack]]) -> Stack:
    """How many readers marked each voxel.

    Args:
        stacks: reader -> the stacks of that reader's readings; a reader counts once in a voxel.
    """
    every = [stack for each in stacks.values() for stack in each]
    low = np.min([stack.origin for stack in every], axis=0)
    high = np.max([np.add(stack.origin, stack.voxels.shape) for stack in every], axis=0)
    counts = np.zeros(high - low, dtype=np.int8)
    for readings in stacks.values():
        marked = np.zeros(counts.shape, dtype=np.bool_)
        for stack in readings:
            start = np.subtract(stack.origin, low)
            place = tuple(slice(a, a + n) for a, n in zip(start, stack.voxels.shape, strict=True))
            marked[place] |= stack.voxels
        counts += marked
    return Stack((int(low[0]), int(low[1]), int(low[2])), counts)


def consensus_stack(stacks: Mapping[int, Iterable[Stack]], mask_share: float) -> Stack:
    """Voxels that at least `mask_share` of the readers marked.

    Where readers mark the same nodule in so different places that no voxel has that many, those with the
    most readers are taken, so a nodule is never empty.
    """
    counts = count_readers(stacks)
    needed = math.ceil(mask_share * len(stacks) - _ROUNDING)
    return Stack(counts.origin, counts.voxels >= max(1, min(needed, int(counts.voxels.max()))))


_ROUNDING = 1e-9


def _bounds(outlines: Sequence[Outline]) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Origin and shape that hold all vertices."""
    low_z, high_z = min(each.z for each in outlines), max(each.z for each in outlines)
    y = np.concatenate([each.y for each in outlines])
    x = np.concatenate([each.x for each in outlines])
    low_y, low_x = max(0, math.floor(y.min())), max(0, math.floor(x.min()))
    shape = (high_z - low_z + 1, math.ceil(y.max()) - low_y + 1, math.ceil(x.max()) - low_x + 1)
    return (low_z, low_y, low_x), shape
