"""Which way the axes of an image point, and how to turn it to the canonical orientation.

Canonical: z grows towards the head, y towards the back, x towards the patient's left: the directions of
DICOM's patient coordinates (LPS), with the array order (z, y, x). Axes are permuted and reversed, never
resampled, so an oblique series keeps its obliqueness in its direction matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Float = NDArray[np.float64]

_CANONICAL_AXES = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
"""Rows: where z, y and x grow to, in LPS."""


@dataclass(frozen=True)
class Orientation:
    """How file axes (slice, row, column) become canonical axes (z, y, x).

    `order[i]` is the file axis that becomes canonical axis i; `flipped[i]` says that axis i is reversed.
    """

    order: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]

    @property
    def is_axial(self) -> bool:
        """Whether files are planes of the canonical volume."""
        return self.order[0] == 0

    def turn(self, image: Array) -> Array:
        """(slice, row, column) -> (z, y, x); a view, not a copy."""
        return self._flip(image.transpose(self.order))

    def turn_back(self, image: Array) -> Array:
        """(z, y, x) -> (slice, row, column): undoes `turn`; a view, not a copy."""
        return self._flip(image).transpose(np.argsort(self.order))

    def turn_plane(self, plane: Array) -> Array:
        """(row, column) -> (y, x) of an axial series; a view, not a copy."""
        turned = plane.T if self.order[1] == 2 else plane
        return turned[:: -1 if self.flipped[1] else 1, :: -1 if self.flipped[2] else 1]

    def turn_points(self, points: Float, file_shape: tuple[int, int, int]) -> Float:
        """(n, 3) file indices (slice, row, column) -> (n, 3) canonical indices (z, y, x)."""
        turned = points[:, self.order].astype(np.float64)
        for axis, source in enumerate(self.order):
            if self.flipped[axis]:
                turned[:, axis] = file_shape[source] - 1 - turned[:, axis]
        return turned

    def _flip(self, image: Array) -> Array:
        return image[tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)]


def orientation_of(directions: Float) -> Orientation:
    """Find the permutation and reversals that bring axes closest to the canonical ones.

    Args:
        directions: (3, 3), columns: unit LPS vectors along which slice, row and column indices grow.
    """
    cosines = _CANONICAL_AXES @ directions
    order = max(permutations(range(3)), key=lambda each: sum(abs(cosines[i, each[i]]) for i in range(3)))
    first, second, third = order
    flipped = tuple(bool(cosines[axis, source] < 0) for axis, source in enumerate(order))
    return Orientation((first, second, third), (flipped[0], flipped[1], flipped[2]))
