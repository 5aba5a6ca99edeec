"""Nodules given as points: placed in the volume of their series, as spheres where a diameter is given."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungml.ct.geometry import Geometry
from lungml.index_rows import Marked
from lungml.nodules.consensus import Nodule
from lungml.nodules.lidc_xml import NOT_GIVEN, SCALES, Kind, Reading
from lungml.nodules.linking import Placed
from lungml.nodules.stacks import Outline, reading_stack
from lungml.quarantine import Finding
from lungml.sources.problems import Problems

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Mark:
    """A nodule as a row of a table gives it.

    Attributes:
        table: path of the table, relative to the raw folder.
        row: where it stands in the table; the header is row 1.
        patient_id: '' if the table does not say.
        name: what the table calls the nodule; '' if it has no name.
        centre: (x, y, z).
        in_voxels: `centre` is an index into the file's own axes (column, row, slice; slices in the order of
            their positions), as ITK counts. Else LPS millimetres.
        diameter_mm: NaN if not given.
        score: malignancy from 1 to 5; 0 if not given.
        label: 0 benign, 1 malignant; -1 if not given.
    """

    table: str
    row: int
    patient_id: str
    name: str
    centre: tuple[float, float, float]
    in_voxels: bool
    diameter_mm: float
    score: int
    label: int


def place_marks(marks: Sequence[Mark], geometry: Geometry) -> tuple[Marked, list[Finding]]:
    """Place the marks of one series, ordered by z, y, x; findings name those outside the volume."""
    problems = Problems()
    inside: list[tuple[tuple[float, float, float], Mark]] = []
    for mark in marks:
        centre = centre_of(mark, geometry)
        if all(-0.5 <= index <= size - 0.5 for index, size in zip(centre, geometry.shape, strict=True)):
            inside.append((centre, mark))
        else:
            problems.add("LM-L007", mark.table, mark.row)
    inside.sort(key=lambda each: (each[0], each[1].row))
    placed = [_placed(number, *each, geometry) for number, each in enumerate(inside)]
    nodules = [_nodule(each, geometry) for each in placed]
    labels, names = [mark.label for _, mark in inside], [mark.name for _, mark in inside]
    return Marked(placed, nodules, labels, names), problems.findings()


def centre_of(mark: Mark, geometry: Geometry) -> tuple[float, float, float]:
    """Canonical index (z, y, x) of a mark."""
    if mark.in_voxels:
        index = geometry.to_canonical(np.array([mark.centre[::-1]]))[0]
    else:
        offset = np.array(mark.centre) - np.array(geometry.origin_mm)
        index = (geometry.direction.T @ offset) / np.array(geometry.spacing_mm)
    z, y, x = (float(value) for value in index)
    return z, y, x


def sphere_outlines(centre: Sequence[float], diameter_mm: float, geometry: Geometry) -> tuple[Outline, ...]:
    """Circles in which a sphere cuts the planes of the volume; at least one, in the plane next to its centre.

    Args:
        centre: canonical index (z, y, x).
        diameter_mm: of the sphere.
        geometry: of the volume; what lies outside it is cut off.
    """
    z_mm, y_mm, x_mm = geometry.spacing_mm
    radius = diameter_mm / 2
    nearest = min(max(round(centre[0]), 0), geometry.shape[0] - 1)
    first, last = math.ceil(centre[0] - radius / z_mm), math.floor(centre[0] + radius / z_mm)
    planes = sorted({*range(max(first, 0), min(last, geometry.shape[0] - 1) + 1), nearest})
    angle = np.linspace(0, 2 * np.pi, _VERTICES, endpoint=False)
    outlines = []
    for z in planes:
        squared = radius**2 - ((z - centre[0]) * z_mm) ** 2
        reach = math.sqrt(squared) if squared > 0 else radius
        y = np.clip(centre[1] + reach / y_mm * np.sin(angle), 0, geometry.shape[1] - 1)
        x = np.clip(centre[2] + reach / x_mm * np.cos(angle), 0, geometry.shape[2] - 1)
        if squared > 0 or z == nearest:
            outlines.append(Outline(z, True, y, x))
    return tuple(outlines)


_VERTICES = 64


def point_reading(score: int) -> Reading:
    """The reading of someone of whom no more than a score (0: none) is known."""
    ratings = dict.fromkeys(SCALES, NOT_GIVEN) | {"malignancy": score}
    return Reading(reader=0, kind=Kind.NODULE, ratings=ratings, contours=(), invalid=())


def _placed(number: int, centre: tuple[float, float, float], mark: Mark, geometry: Geometry) -> Placed:
    known = not math.isnan(mark.diameter_mm)
    outlines = sphere_outlines(centre, mark.diameter_mm, geometry) if known else ()
    return Placed(
        number=number,
        reading=point_reading(mark.score),
        outlines=outlines,
        stack=reading_stack(outlines) if outlines else None,
        centre=np.array(centre),
        diameter_mm=mark.diameter_mm,
    )


def _nodule(placed: Placed, geometry: Geometry) -> Nodule:
    z, y, x = (float(value) for value in placed.centre)
    score = placed.reading.ratings["malignancy"]
    voxels = placed.stack.size if placed.stack is not None else math.nan
    return Nodule(
        members=(placed,),
        n_readers=1,
        scores=(score,) if score else (),
        diameter_mm=placed.diameter_mm,
        volume_mm3=voxels * math.prod(geometry.spacing_mm),
        centre=(z, y, x),
        largest_z_index=min(max(round(z), 0), geometry.shape[0] - 1),
        ambiguous=False,
    )
