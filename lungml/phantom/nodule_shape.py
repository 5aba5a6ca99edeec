"""The body of a nodule: its outline in every direction, its spicules, and its HU."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungml.phantom.attributes import Attributes, Calcification, Texture
from lungml.phantom.grid import FloatArray, Grid
from lungml.phantom.vessels import Strokes, join, line, stamp

_SOLID_CORE = 0.55
"""Radius of the solid core of a part-solid nodule, as a share of the whole."""

_Z_SAMPLES = 3


@dataclass(frozen=True)
class Shape:
    """A star-shaped outline: radius in mm as a function of direction.

    `axes` are the relative half axes along the rows of `turn` (3, 3); `lobes` (k, 3) are unit directions of
    bulges with `heights`; `waves` (m, 3) and `phases` roughen the surface by `roughness`.
    """

    radius_mm: float
    axes: NDArray[np.float64]
    turn: NDArray[np.float64]
    lobes: NDArray[np.float64]
    heights: NDArray[np.float64]
    waves: NDArray[np.float64]
    phases: NDArray[np.float64]
    roughness: float
    size_factor: float = 1.0

    def radius_towards(self, direction: FloatArray) -> FloatArray:
        """Radius in mm towards unit vectors (..., 3)."""
        turned = direction @ self.turn.T.astype(np.float32)
        base = 1 / np.sqrt(((turned / self.axes.astype(np.float32)) ** 2).sum(axis=-1))
        toward = np.clip(direction @ self.lobes.T.astype(np.float32), 0, 1)
        bulge = (toward**6) @ self.heights.astype(np.float32)
        ripple = np.sin(direction @ self.waves.T.astype(np.float32) + self.phases.astype(np.float32)).mean(
            axis=-1
        )
        relative = base * (1 + bulge + self.roughness * ripple)
        return np.asarray(relative * (self.radius_mm * self.size_factor), np.float32)


def draw_shape(rng: np.random.Generator, attributes: Attributes) -> Shape:
    """Draw an outline whose volume is that of a sphere of the nodule's diameter."""
    stretch = attributes.elongation ** (1 / 3)
    axes = (
        np.array([stretch**2, 1.0, 1 / stretch])
        if rng.random() < 0.5
        else np.array([stretch, stretch, stretch**-2])
    )
    count = int(rng.integers(4, 8))
    shape = Shape(
        radius_mm=attributes.radius_mm,
        axes=axes,
        turn=np.linalg.qr(rng.standard_normal((3, 3)))[0],
        lobes=_directions(rng, count),
        heights=attributes.lobulation * rng.uniform(0.35, 0.7, count),
        waves=rng.normal(0, 6.0, (5, 3)),
        phases=rng.uniform(0, 2 * np.pi, 5),
        roughness=0.05 + 0.22 * attributes.spiculation,
    )
    everywhere = shape.radius_towards(_directions(rng, 800).astype(np.float32)) / attributes.radius_mm
    return Shape(**{**vars(shape), "size_factor": float(np.mean(everywhere**3) ** (-1 / 3))})


def draw_spicules(rng: np.random.Generator, attributes: Attributes, shape: Shape) -> Strokes:
    """Thin lines from within the surface outwards, relative to the centre; none for a smooth nodule."""
    if attributes.spicule_mm == 0:
        return join([])
    count = int(6 + 14 * attributes.spiculation)
    parts = []
    for direction in _directions(rng, count) * (1, 1, 0.6):
        outward = direction / np.linalg.norm(direction)
        surface = float(shape.radius_towards(outward[None].astype(np.float32))[0])
        length = attributes.spicule_mm * rng.uniform(0.65, 1.35)
        parts.append(line(outward * 0.7 * surface, outward * (surface + length), (1.15, 0.45)))
    return join(parts)


def paint_nodule(
    lung_hu: FloatArray,
    grid: Grid,
    centre_mm: NDArray[np.float64],
    attributes: Attributes,
    shape: Shape,
    spicules: Strokes,
) -> None:
    """Put a nodule into the HU of lung (z, y, x), in place."""
    box = _box(grid, centre_mm, attributes.reach_mm)
    part = lung_hu[box]
    depth, toward = _depth(grid, centre_mm, shape, box)
    width = grid.spacing_mm[2] + 2.2 * (1 - attributes.sharpness)
    share = np.clip(0.5 + depth / width, 0, 1).mean(axis=0)
    _paint_body(part, share, depth, attributes, width)
    if len(spicules.radius_mm):
        filled = np.zeros_like(lung_hu[box])
        stamp(
            filled,
            _sub_grid(grid, box),
            Strokes(spicules.points_mm + centre_mm, spicules.radius_mm),
            grid.spacing_mm[0],
        )
        target = 20.0 if attributes.texture is not Texture.GROUND_GLASS else -250.0
        part += np.clip(filled - share, 0, 1) * (target - part)
    _paint_calcium(part, depth, toward, attributes, width)


def _paint_body(
    part: FloatArray, share: FloatArray, depth: FloatArray, attributes: Attributes, width: float
) -> None:
    if attributes.texture is Texture.SOLID:
        part += share * (attributes.density_hu - part)
        return
    part += share * np.maximum(attributes.density_hu - part, 0)
    if attributes.texture is Texture.PART_SOLID:
        inset = (1 - _SOLID_CORE) * attributes.radius_mm
        core = np.clip(0.5 + (depth - inset) / width, 0, 1).mean(axis=0)
        part += core * (25.0 - part)


def _paint_calcium(
    part: FloatArray, depth: FloatArray, toward: FloatArray, attributes: Attributes, width: float
) -> None:
    if attributes.calcification is Calcification.NONE:
        return
    if attributes.calcification is Calcification.DIFFUSE:
        share, level = np.clip(0.5 + (depth - 0.15 * attributes.radius_mm) / width, 0, 1).mean(axis=0), 520.0
    elif attributes.calcification is Calcification.CENTRAL:
        share, level = np.clip(0.5 + (depth - 0.42 * attributes.radius_mm) / width, 0, 1).mean(axis=0), 900.0
    else:
        clumps = np.clip(
            np.sin(9 * toward[..., 0]) + np.sin(8 * toward[..., 1] + 1) + np.sin(7 * toward[..., 2]), 0, 1
        )
        inside = np.clip(0.5 + (depth - 0.2 * attributes.radius_mm) / width, 0, 1)
        share, level = (0.35 * inside + 0.65 * inside * clumps).mean(axis=0), 800.0
    part += share * (level - part)


def core_depth(
    grid: Grid, centre_mm: NDArray[np.float64], shape: Shape, plane: int
) -> tuple[FloatArray, tuple[slice, slice]]:
    """Depth in mm under the surface (negative outside) at pixel centres of one plane, and the box it covers."""
    box = _box(grid, centre_mm, 2.1 * shape.radius_mm + 4)
    offset = _offsets(grid, centre_mm, box, np.array([grid.z_mm[plane]]))
    distance = np.linalg.norm(offset, axis=-1)
    direction = offset / np.maximum(distance, 1e-6)[..., None]
    return (shape.radius_towards(direction) - distance)[0], (box[1], box[2])


def _depth(
    grid: Grid, centre_mm: NDArray[np.float64], shape: Shape, box: tuple[slice, slice, slice]
) -> tuple[FloatArray, FloatArray]:
    """Depth under the surface at sub-planes (s, z, y, x), and the place in units of the radius (..., 3)."""
    planes = grid.z_mm[box[0]]
    shifts = (np.arange(_Z_SAMPLES) - (_Z_SAMPLES - 1) / 2) / _Z_SAMPLES * grid.spacing_mm[0]
    heights = (planes[None] + shifts[:, None]).ravel()
    offset = _offsets(grid, centre_mm, box, heights)
    distance = np.linalg.norm(offset, axis=-1)
    direction = offset / np.maximum(distance, 1e-6)[..., None]
    depth = shape.radius_towards(direction) - distance
    split = (_Z_SAMPLES, len(planes))
    return depth.reshape(*split, *depth.shape[1:]), (offset / shape.radius_mm).reshape(
        *split, *offset.shape[1:]
    )


def _offsets(
    grid: Grid,
    centre_mm: NDArray[np.float64],
    box: tuple[slice, slice, slice],
    heights_mm: NDArray[np.float64],
) -> FloatArray:
    """(n, y, x, 3) vectors from the centre to voxels of the box, at n heights."""
    x, y = (axis[box[1:]] for axis in grid.plane_mm)
    offset = np.empty((len(heights_mm), *x.shape, 3), np.float32)
    offset[..., 0] = x - centre_mm[0]
    offset[..., 1] = y - centre_mm[1]
    offset[..., 2] = (heights_mm - centre_mm[2])[:, None, None]
    return offset


def _box(grid: Grid, centre_mm: NDArray[np.float64], reach_mm: float) -> tuple[slice, slice, slice]:
    centre = grid.index_of(centre_mm)
    reach = reach_mm / np.array(grid.spacing_mm) + 1.5
    low = np.maximum(np.floor(centre - reach), 0).astype(int)
    high = np.minimum(np.ceil(centre + reach) + 1, grid.shape).astype(int)
    z, y, x = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return z, y, x


def _sub_grid(grid: Grid, box: tuple[slice, slice, slice]) -> Grid:
    """The grid of a box of this one."""
    shape = tuple(part.stop - part.start for part in box)
    middle = [(part.start + part.stop - 1) / 2 for part in box]
    along, down = grid.directions
    centre = (
        grid.corner_mm
        + along * middle[2] * grid.spacing_mm[2]
        + down * middle[1] * grid.spacing_mm[1]
        + np.array([0, 0, middle[0] * grid.spacing_mm[0]])
    )
    return Grid(shape, grid.spacing_mm, tuple(centre), grid.turn_degrees)  # type: ignore[arg-type]


def _directions(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    vectors = rng.standard_normal((count, 3))
    unit: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
