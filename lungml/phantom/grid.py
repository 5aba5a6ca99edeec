"""Where the voxels of a series lie in the patient, and soft edges between tissues."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Grid:
    """Voxel centres (z, y, x) of a series in the patient's frame, mm.

    `centre_mm` is (x, y, z) of the middle of the volume; `turn_degrees` turns rows and columns about z.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    centre_mm: tuple[float, float, float]
    turn_degrees: float = 0.0

    @cached_property
    def z_mm(self) -> NDArray[np.float64]:
        """Height of each plane; index 0 is nearest the feet."""
        offsets = np.arange(self.shape[0]) - (self.shape[0] - 1) / 2
        heights: NDArray[np.float64] = np.float64(self.centre_mm[2]) + offsets * self.spacing_mm[0]
        return heights

    @cached_property
    def plane_mm(self) -> tuple[FloatArray, FloatArray]:
        """Place of every pixel of a plane: x and y, each (rows, columns)."""
        rows, columns = np.indices(self.shape[1:], dtype=np.float64)
        x, y = self._from_index(rows, columns)
        return x.astype(np.float32), y.astype(np.float32)

    @property
    def directions(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Unit vectors along a row and down a column."""
        angle = np.deg2rad(self.turn_degrees)
        along, down = (np.cos(angle), np.sin(angle), 0.0), (-np.sin(angle), np.cos(angle), 0.0)
        return np.array(along), np.array(down)

    @property
    def corner_mm(self) -> NDArray[np.float64]:
        """(x, y, z) of voxel (0, 0, 0)."""
        x, y = self._from_index(np.zeros(1), np.zeros(1))
        return np.array([x[0], y[0], self.z_mm[0]])

    def window(self, x_range_mm: tuple[float, float], y_range_mm: tuple[float, float]) -> tuple[slice, slice]:
        """The rows and columns in which pixels with such x and y lie."""
        x, y = self.plane_mm
        inside = (x > x_range_mm[0]) & (x < x_range_mm[1]) & (y > y_range_mm[0]) & (y < y_range_mm[1])
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)

    def index_of(self, position_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fractional (z, y, x) voxel index of positions (..., 3) given as x, y, z."""
        along, down = self.directions
        offset = position_mm - self.corner_mm
        index = (offset[..., 2], offset @ down, offset @ along)
        voxels: NDArray[np.float64] = np.stack(index, axis=-1) / np.array(self.spacing_mm)
        return voxels

    def box(self, centre_mm: NDArray[np.float64], reach_mm: float) -> tuple[slice, slice, slice]:
        """The voxels (z, y, x) within `reach_mm` of a point, cut off at the border."""
        centre = self.index_of(centre_mm)
        reach = reach_mm / np.array(self.spacing_mm) + 1.5
        low = np.maximum(np.floor(centre - reach), 0).astype(int)
        high = np.minimum(np.ceil(centre + reach) + 1, self.shape).astype(int)
        z, y, x = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        return z, y, x

    def part(self, box: tuple[slice, slice, slice]) -> Grid:
        """The grid of a box of this one."""
        z, y, x = ((part.start + part.stop - 1) / 2 for part in box)
        along, down = self.directions
        steps = along * (x * self.spacing_mm[2]) + down * (y * self.spacing_mm[1])
        centre = self.corner_mm + steps + np.array([0, 0, z * self.spacing_mm[0]])
        shape = (box[0].stop - box[0].start, box[1].stop - box[1].start, box[2].stop - box[2].start)
        place = (float(centre[0]), float(centre[1]), float(centre[2]))
        return Grid(shape, self.spacing_mm, place, self.turn_degrees)

    def offsets_mm(
        self, centre_mm: NDArray[np.float64], box: tuple[slice, slice, slice], heights_mm: NDArray[np.float64]
    ) -> FloatArray:
        """(n, y, x, 3) vectors from a point to the pixels of a box, at n heights."""
        x, y = (axis[box[1:]] for axis in self.plane_mm)
        offset = np.empty((len(heights_mm), *x.shape, 3), np.float32)
        offset[..., 0] = x - centre_mm[0]
        offset[..., 1] = y - centre_mm[1]
        offset[..., 2] = (heights_mm - centre_mm[2])[:, None, None]
        return offset

    def _from_index(
        self, rows: NDArray[np.float64], columns: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        along, down = self.directions
        across = (columns - (self.shape[2] - 1) / 2) * self.spacing_mm[2]
        below = (rows - (self.shape[1] - 1) / 2) * self.spacing_mm[1]
        x = self.centre_mm[0] + across * along[0] + below * down[0]
        y = self.centre_mm[1] + across * along[1] + below * down[1]
        return x, y


def cover(distance_mm: FloatArray, width_mm: float) -> FloatArray:
    """Share of a voxel of this width inside a surface, from the signed distance (negative inside)."""
    share: FloatArray = np.clip(np.float32(0.5) - distance_mm / np.float32(width_mm), 0, 1)
    return share


def paint(image_hu: FloatArray, share: FloatArray, value_hu: float | FloatArray) -> None:
    """Let `share` of every voxel of `image_hu` be `value_hu`, in place."""
    image_hu += share * (np.float32(value_hu) - image_hu)


def smooth_field(
    rng: np.random.Generator, shape: tuple[int, int, int], cells: tuple[int, int, int]
) -> FloatArray:
    """A smooth random volume with deviation near 1 and about `cells` hills along each axis."""
    field = rng.standard_normal(tuple(n + 2 for n in cells), dtype=np.float32)
    z, y, x = (_spread(n, m) for n, m in zip(shape, cells, strict=True))
    planes = np.tensordot(z, field, axes=1)
    volume: FloatArray = np.matmul(np.matmul(y, planes), x.T)
    return volume


def _spread(size: int, cells: int) -> FloatArray:
    """(size, cells + 2) weights of a row of random values at every voxel; rows have unit length."""
    at = np.linspace(0.5, cells + 0.5, size)[:, None] - np.arange(cells + 2)[None]
    weights = np.exp(-0.5 * (at / 0.5) ** 2)
    scaled: FloatArray = (weights / np.linalg.norm(weights, axis=1, keepdims=True)).astype(np.float32)
    return scaled
