"""The HU volume of one CT series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Hu = NDArray[np.int16]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Volume:
    """HU in canonical orientation: z grows towards the head, y towards the back, x towards the left.

    Attributes:
        hu: (z, y, x). Where a slope is fractional, HU are rounded to the nearest whole number.
        padding: (z, y, x), True outside the reconstructed circle; `hu` is -1000 there.
        spacing_mm: between voxel centres, (z, y, x).
        origin_mm: centre of voxel (0, 0, 0) in LPS, (x, y, z).
        direction: (3, 3), columns: unit LPS vectors along which z, y and x indices grow.
    """

    hu: Hu
    padding: Mask
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: NDArray[np.float64]

    def position_mm(self, index: tuple[float, float, float]) -> NDArray[np.float64]:
        """(3,) LPS position (x, y, z) of a voxel index (z, y, x)."""
        steps = np.asarray(index, dtype=np.float64) * np.asarray(self.spacing_mm)
        position: NDArray[np.float64] = np.asarray(self.origin_mm) + self.direction @ steps
        return position
