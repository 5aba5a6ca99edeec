"""What each reader writes down: ratings and outlines of nodules, points on small nodules and non-nodules."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungml.phantom.attributes import Texture
from lungml.phantom.grid import FloatArray, Grid
from lungml.phantom.nodule_shape import core_depth
from lungml.phantom.outline import main_piece, outline
from lungml.phantom.scene import Mark, Nodule, Scene
from lungml.phantom.scores import READERS, Rating
from lungml.phantom.seeds import generator

_SIZE_JITTER_MM = 0.35
_SHAPE_JITTER_MM = 0.30


@dataclass(frozen=True)
class Contour:
    """Pixels (row, column) of the canonical plane `plane`, in order; one pixel for a point."""

    plane: int
    pixels: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Reading:
    """One reader's marks of one thing; `rating` is None for what is not a nodule of at least 3 mm."""

    reader: int
    kind: str
    rating: Rating | None
    contours: tuple[Contour, ...]


def read_scene(scene: Scene) -> tuple[tuple[Reading, ...], ...]:
    """All readings, one tuple for each of the four readers."""
    readings: list[list[Reading]] = [[] for _ in range(READERS)]
    for nodule in scene.nodules:
        for rating in nodule.finding.ratings:
            words = ("outline", scene.patient.number, nodule.number, rating.reader)
            contours = _outlines(generator(scene.patient.seed, *words), scene.grid, nodule)
            readings[rating.reader].append(Reading(rating.reader, "nodule", rating, contours))
    for mark in scene.marks:
        for reader in mark.readers:
            kind = "small" if mark.small else "non-nodule"
            readings[reader].append(Reading(reader, kind, None, (_point(scene.grid, mark),)))
    return tuple(tuple(of_reader) for of_reader in readings)


def outline_in_plane(grid: Grid, nodule: Nodule, plane: int) -> tuple[tuple[int, int], ...]:
    """Pixels (row, column) of the outline that a reader without error draws on one plane."""
    contour = _outline_in_plane(grid, nodule, plane, (0.0, np.zeros((2, 2))), True)
    return () if contour is None else contour.pixels


def _point(grid: Grid, mark: Mark) -> Contour:
    z, y, x = (int(value) for value in np.rint(grid.index_of(mark.centre_mm)))
    return Contour(int(np.clip(z, 0, grid.shape[0] - 1)), ((y, x),))


def _outlines(rng: np.random.Generator, grid: Grid, nodule: Nodule) -> tuple[Contour, ...]:
    """One outline on each plane the nodule crosses for this reader; at least one."""
    vague = 1.8 if nodule.attributes.texture is Texture.GROUND_GLASS else 1.0
    size = float(rng.normal(0, _SIZE_JITTER_MM)) * vague
    waves = rng.normal(0, _SHAPE_JITTER_MM, (2, 2)) * vague
    middle = int(np.rint(grid.index_of(nodule.centre_mm)[0]))
    reach = int(2 * nodule.attributes.radius_mm / grid.spacing_mm[0]) + 1
    found = []
    for plane in range(max(middle - reach, 0), min(middle + reach + 1, grid.shape[0])):
        contour = _outline_in_plane(grid, nodule, plane, (size, waves), plane == middle)
        if contour is not None:
            found.append(contour)
    return tuple(found)


def _outline_in_plane(
    grid: Grid,
    nodule: Nodule,
    plane: int,
    jitter: tuple[float, NDArray[np.float64]],
    required: bool,
) -> Contour | None:
    depth, box = core_depth(grid, nodule.centre_mm, nodule.shape, plane)
    seen = depth + _perceived(grid, nodule, box, jitter)
    seen[[0, -1]] = seen[:, [0, -1]] = -1.0
    peak = np.unravel_index(int(np.argmax(seen)), seen.shape)
    if seen[peak] <= 0 and not required:
        return None
    mask = main_piece(seen > 0, (int(peak[0]), int(peak[1])))
    rows, columns = box[0].start, box[1].start
    return Contour(plane, tuple((row + rows, column + columns) for row, column in outline(mask)))


def _perceived(
    grid: Grid, nodule: Nodule, box: tuple[slice, slice], jitter: tuple[float, NDArray[np.float64]]
) -> FloatArray:
    """How much farther out, in mm, this reader sees the edge, at every pixel of the box."""
    size, waves = jitter
    x, y = (axis[box] for axis in grid.plane_mm)
    angle = np.arctan2(y - nodule.centre_mm[1], x - nodule.centre_mm[0])
    farther = np.full(angle.shape, size, np.float32)
    for order, (cosine, sine) in enumerate(waves, start=1):
        farther += cosine * np.cos(order * angle) + sine * np.sin(order * angle)
    return farther
