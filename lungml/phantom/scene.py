"""Where everything of a patient lies: the field of view, the nodules and the other marks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungml.phantom.attributes import Attributes
from lungml.phantom.grid import Grid
from lungml.phantom.lungs import HILUM_MM, lung_points, lung_vessels
from lungml.phantom.nodule_shape import Shape, draw_shape, draw_spicules
from lungml.phantom.patient import Finding, Patient
from lungml.phantom.scores import READERS
from lungml.phantom.seeds import generator
from lungml.phantom.vessels import Strokes

_SLAB_CENTRE_MM = (-52.0, 8.0)
_FROM_HILUM_MM = 30.0
_BETWEEN_NODULES_MM = 6.0


@dataclass(frozen=True)
class Nodule:
    """A nodule in its place; `number` counts from 0 within the patient."""

    number: int
    finding: Finding
    centre_mm: NDArray[np.float64]
    shape: Shape
    spicules: Strokes

    @property
    def attributes(self) -> Attributes:
        """What it looks like."""
        return self.finding.attributes


@dataclass(frozen=True)
class Mark:
    """A nodule below 3 mm, or a place that readers called no nodule; `readers` marked it."""

    small: bool
    centre_mm: NDArray[np.float64]
    radius_mm: float
    readers: tuple[int, ...]


@dataclass(frozen=True)
class Scene:
    """A patient on the table: what lies where, in the patient's own frame.

    `origin_mm` is where that frame's origin lies in the scanner's (LPS) coordinates.
    """

    patient: Patient
    grid: Grid
    origin_mm: NDArray[np.float64]
    nodules: tuple[Nodule, ...]
    marks: tuple[Mark, ...]
    vessels: Strokes
    bronchi: Strokes


def place(patient: Patient) -> Scene:
    """Choose the field of view and a place for every nodule and mark."""
    rng = generator(patient.seed, "place", patient.number)
    grid = _field_of_view(rng, patient)
    low, high = float(grid.z_mm[0]), float(grid.z_mm[-1])
    free = lung_points(patient.body, (low, high), 3.0)
    nodules = _place_nodules(rng, patient, free, (low, high))
    vessels, bronchi = (
        _clear_of(strokes, nodules)
        for strokes in lung_vessels(
            generator(patient.seed, "vessels", patient.number), patient.body, (low, high)
        )
    )
    origin = np.round([rng.uniform(-12, 12), rng.uniform(-190, -130), rng.uniform(-320, 120)], 1)
    marks = _place_marks(rng, free, nodules, vessels, grid)
    return Scene(patient, grid, origin, nodules, marks, vessels, bronchi)


def _field_of_view(rng: np.random.Generator, patient: Patient) -> Grid:
    style = patient.style
    width = float(np.clip(2 * (patient.body.width_mm + 42) + rng.uniform(-8, 14), *style.field_of_view_mm))
    pixel = round(width / style.columns, 4)
    return Grid(
        shape=(style.slices, style.rows, style.columns),
        spacing_mm=(style.spacing_z_mm, round(pixel / style.pixel_aspect, 4), pixel),
        centre_mm=(
            float(rng.uniform(-6, 6)),
            float(rng.uniform(2, 14)),
            float(np.round(rng.uniform(*_SLAB_CENTRE_MM), 2)),
        ),
        turn_degrees=patient.orientation.turn_degrees,
    )


def _place_nodules(
    rng: np.random.Generator, patient: Patient, free: NDArray[np.float64], z_range_mm: tuple[float, float]
) -> tuple[Nodule, ...]:
    """Largest first, so that each finds a place deep enough in the lung, inside the slab and apart."""
    order = sorted(range(len(patient.findings)), key=lambda i: -patient.findings[i].attributes.diameter_mm)
    placed: list[Nodule] = []
    for number in order:
        finding = patient.findings[number]
        attributes = finding.attributes
        choice = _possible(free, attributes, placed, z_range_mm, patient.body.scale)
        centre = choice[rng.integers(len(choice)), :3] + rng.uniform(-1, 1, 3)
        shape = draw_shape(rng, attributes)
        spicules = draw_spicules(rng, attributes, shape).moved(centre)
        placed.append(Nodule(number, finding, centre, shape, spicules))
    return tuple(sorted(placed, key=lambda nodule: nodule.number))


def _possible(
    free: NDArray[np.float64],
    attributes: Attributes,
    placed: list[Nodule],
    z_range_mm: tuple[float, float],
    scale: float,
) -> NDArray[np.float64]:
    """Points of the lung that can hold this nodule; in a crowded lung, the deepest apart from the others."""
    reach = 1.25 * attributes.radius_mm + 2.5
    apart = np.ones(len(free), bool)
    for other in placed:
        distance = reach + 1.3 * other.attributes.radius_mm + _BETWEEN_NODULES_MM
        apart &= np.linalg.norm(free[:, :3] - other.centre_mm, axis=1) > distance
    margin = np.minimum(free[:, 2] - z_range_mm[0], z_range_mm[1] - free[:, 2])
    allowed = apart & (free[:, 3] >= reach + 2.0) & (margin >= reach + 1.5)
    for hilum in HILUM_MM.values():
        allowed &= np.linalg.norm(free[:, :3] - np.array(hilum) * scale, axis=1) > _FROM_HILUM_MM
    if allowed.any():
        return free[allowed]
    room = np.where(apart, np.minimum(free[:, 3], margin), -1.0)
    return free[[int(np.argmax(room))]]


def _clear_of(vessels: Strokes, nodules: tuple[Nodule, ...]) -> Strokes:
    """Vessels without what would hide a nodule: thick ones end at its surface."""
    keep = np.ones(len(vessels.radius_mm), bool)
    for nodule in nodules:
        near = (
            np.linalg.norm(vessels.points_mm - nodule.centre_mm, axis=1) < nodule.attributes.radius_mm + 2.5
        )
        keep &= ~(near & (vessels.radius_mm > 0.8))
    return Strokes(vessels.points_mm[keep], vessels.radius_mm[keep])


def _place_marks(
    rng: np.random.Generator,
    free: NDArray[np.float64],
    nodules: tuple[Nodule, ...],
    vessels: Strokes,
    grid: Grid,
) -> tuple[Mark, ...]:
    """One to four tiny nodules anywhere in the lung, and one to four places on vessels."""
    low, high = grid.z_mm[1], grid.z_mm[-2]
    on_vessel = (vessels.radius_mm > 1.2) & (vessels.points_mm[:, 2] > low) & (vessels.points_mm[:, 2] < high)
    anywhere = free[(free[:, 2] > low) & (free[:, 2] < high), :3]
    marks = [_mark(rng, True, anywhere, float(rng.uniform(0.9, 1.35))) for _ in range(rng.integers(1, 5))]
    marks += [_mark(rng, False, vessels.points_mm[on_vessel], 0.0) for _ in range(rng.integers(1, 5))]
    return tuple(mark for mark in marks if _is_apart(mark, nodules))


def _mark(rng: np.random.Generator, small: bool, places: NDArray[np.float64], radius_mm: float) -> Mark:
    count = int(rng.choice(READERS, p=(0.5, 0.25, 0.15, 0.1))) + 1
    readers = tuple(int(reader) for reader in np.sort(rng.permutation(READERS)[:count]))
    return Mark(small, places[rng.integers(len(places))], radius_mm, readers)


def _is_apart(mark: Mark, nodules: tuple[Nodule, ...]) -> bool:
    return all(
        np.linalg.norm(mark.centre_mm - nodule.centre_mm) > nodule.attributes.reach_mm + 5
        for nodule in nodules
    )
