"""A nodule into the HU of lung: its body, its spicules and its calcium."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungml.phantom.attributes import Attributes, Calcification, Texture
from lungml.phantom.grid import FloatArray, Grid, paint
from lungml.phantom.nodule_shape import Shape
from lungml.phantom.vessels import Strokes, stamp

_SOLID_CORE, _CORE_HU = 0.55, 25.0
"""Radius of the solid core of a part-solid nodule as a share of the whole, and its HU."""

_HAZE_HU = 22.0
"""Mottle of ground glass."""

_SPICULE_HU, _FAINT_SPICULE_HU = 20.0, -250.0
"""Spicules of nodules with a solid part, and of pure ground glass."""

_CALCIUM = {Calcification.DIFFUSE: (0.15, 520.0), Calcification.CENTRAL: (0.42, 900.0)}
"""How far under the surface calcium begins, as a share of the radius, and its HU."""

_SPECK_HU = 800.0
_Z_SAMPLES = 3


@dataclass(frozen=True)
class _Interior:
    """Depth under the surface in mm at sub-planes (s, z, y, x) of a box; place in radii (s, z, y, x, 3)."""

    depth: FloatArray
    place: FloatArray
    edge_mm: float
    radius_mm: float

    def share(self, inset: float = 0.0) -> FloatArray:
        """Share of each voxel at least `inset` radii under the surface, (z, y, x)."""
        share: FloatArray = self.within(inset).mean(axis=0)
        return share

    def within(self, inset: float) -> FloatArray:
        """The same at sub-planes."""
        depth = self.depth - np.float32(inset * self.radius_mm)
        share: FloatArray = np.clip(np.float32(0.5) + depth / np.float32(self.edge_mm), 0, 1)
        return share

    def clumps(self) -> FloatArray:
        """A coarse mottle, -3 to 3, at sub-planes."""
        x, y, z = self.place[..., 0], self.place[..., 1], self.place[..., 2]
        mottle: FloatArray = np.sin(9 * x) + np.sin(8 * y + 1) + np.sin(7 * z)
        return mottle


def paint_nodule(
    lung_hu: FloatArray, grid: Grid, centre_mm: NDArray[np.float64], looks: Attributes, shape: Shape
) -> None:
    """Put the body of a nodule into the HU of lung (z, y, x), in place."""
    box = grid.box(centre_mm, looks.reach_mm)
    part = lung_hu[box]
    interior = _interior(grid, centre_mm, (looks, shape), box)
    if looks.texture is Texture.SOLID:
        paint(part, interior.share(), looks.density_hu)
    else:
        haze = (looks.density_hu + _HAZE_HU * interior.clumps()).mean(axis=0)
        part += interior.share() * np.maximum(haze - part, 0)
    if looks.texture is Texture.PART_SOLID:
        paint(part, interior.share(1 - _SOLID_CORE), _CORE_HU)
    _paint_calcium(part, interior, looks.calcification)


def paint_spicules(lung_hu: FloatArray, grid: Grid, spicules: Strokes, looks: Attributes) -> None:
    """Put spicules into the HU of lung (z, y, x), in place, before the body is painted over their roots."""
    if len(spicules.radius_mm) == 0:
        return
    box = grid.box(spicules.points_mm.mean(axis=0), looks.reach_mm)
    share = np.zeros(lung_hu[box].shape, np.float32)
    stamp(share, grid.part(box), spicules, grid.spacing_mm[0])
    faint = looks.texture is Texture.GROUND_GLASS
    paint(lung_hu[box], share, _FAINT_SPICULE_HU if faint else _SPICULE_HU)


def _paint_calcium(part: FloatArray, interior: _Interior, pattern: Calcification) -> None:
    if pattern is Calcification.POPCORN:
        specks = interior.within(0.2) * (0.35 + 0.65 * np.clip(interior.clumps(), 0, 1))
        paint(part, specks.mean(axis=0), _SPECK_HU)
    elif pattern is not Calcification.NONE:
        inset, level_hu = _CALCIUM[pattern]
        paint(part, interior.share(inset), level_hu)


def _interior(
    grid: Grid,
    centre_mm: NDArray[np.float64],
    nodule: tuple[Attributes, Shape],
    box: tuple[slice, slice, slice],
) -> _Interior:
    looks, shape = nodule
    planes = grid.z_mm[box[0]]
    shifts = (np.arange(_Z_SAMPLES) - (_Z_SAMPLES - 1) / 2) / _Z_SAMPLES * grid.spacing_mm[0]
    offset = grid.offsets_mm(centre_mm, box, (planes[None] + shifts[:, None]).ravel())
    distance = np.linalg.norm(offset, axis=-1)
    depth = shape.radius_towards(offset / np.maximum(distance, 1e-6)[..., None]) - distance
    return _Interior(
        depth=depth.reshape(_Z_SAMPLES, len(planes), *depth.shape[1:]),
        place=(offset / np.float32(looks.radius_mm)).reshape(_Z_SAMPLES, len(planes), *offset.shape[1:]),
        edge_mm=grid.spacing_mm[2] + 2.2 * (1 - looks.sharpness),
        radius_mm=looks.radius_mm,
    )
