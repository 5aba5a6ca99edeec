"""The form of a nodule: its outline in every direction, and its spicules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungml.phantom.attributes import Attributes
from lungml.phantom.grid import FloatArray, Grid
from lungml.phantom.vessels import Strokes, join, line

_LOBE_POWER = 7
"""How narrow a bulge is: the power of the cosine of the angle from its middle."""


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
        bulge = (toward**_LOBE_POWER) @ self.heights.astype(np.float32)
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
        heights=attributes.lobulation * rng.uniform(0.45, 0.95, count),
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


def core_depth(
    grid: Grid, centre_mm: NDArray[np.float64], shape: Shape, plane: int
) -> tuple[FloatArray, tuple[slice, slice]]:
    """Depth in mm under the surface (negative outside) at pixels of one plane, and the box they are in."""
    box = grid.box(centre_mm, 2.1 * shape.radius_mm + 4)
    offset = grid.offsets_mm(centre_mm, box, np.array([grid.z_mm[plane]]))
    distance = np.linalg.norm(offset, axis=-1)
    direction = offset / np.maximum(distance, 1e-6)[..., None]
    return (shape.radius_towards(direction) - distance)[0], (box[1], box[2])


def _directions(rng: np.random.Generator, count: int) -> NDArray[np.float64]:
    vectors = rng.standard_normal((count, 3))
    unit: NDArray[np.float64] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
