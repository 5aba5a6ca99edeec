"""Readings of a file placed in the canonical volume of their series."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungml.nodules.lidc_xml import Contour, Kind, Reading, ReadingFile
from lungml.nodules.stacks import Outline, Stack, reading_stack
from lungml.quarantine import Finding, finding

Float = NDArray[np.float64]


@dataclass(frozen=True)
class SliceGrid:
    """What is needed of a series to place contours in it.

    Attributes:
        index_of_sop: SOPInstanceUID -> file index (order of positions).
        z_mm: (slices,) z of ImagePositionPatient, which imageZposition repeats.
        plane_shape: (y, x) of the canonical volume.
        spacing_mm: of the canonical axes (z, y, x).
        is_axial: whether files are planes of the canonical volume.
        to_canonical: (n, 3) file indices (slice, row, column) -> canonical indices (z, y, x).
    """

    index_of_sop: Mapping[str, int]
    z_mm: Float
    plane_shape: tuple[int, int]
    spacing_mm: tuple[float, float, float]
    is_axial: bool
    to_canonical: Callable[[Float], Float]


@dataclass(frozen=True)
class Placed:
    """A reading in canonical voxels.

    Attributes:
        number: counts the readings of its file.
        outlines: of a nodule; of other marks, their single points.
        stack: voxels of a nodule; None for other marks.
        centre: (3,) voxels (z, y, x).
        diameter_mm: of the circle with the area of the largest plane; NaN for points.
    """

    number: int
    reading: Reading
    outlines: tuple[Outline, ...]
    stack: Stack | None
    centre: Float
    diameter_mm: float


def place_readings(file: ReadingFile, grid: SliceGrid) -> tuple[list[Placed], list[Finding]]:
    """Place all readings of a file; those that cannot be are left out and found in the findings."""
    if not grid.is_axial:
        found = f"{len(file.readings)} readings"
        return [], [finding("LM-X008", file.path, found, "an axial series")] if file.readings else []
    placed = []
    problems: dict[str, list[str]] = defaultdict(list)
    for number, reading in enumerate(file.readings):
        located = [_locate(contour, grid) for contour in reading.contours]
        if None in located:
            problems["LM-X006"].append(reading.kind)
            continue
        outlines = [
            _outline(c, i, grid) for c, i in zip(reading.contours, located, strict=True) if i is not None
        ]
        usable = [each for each in outlines if _is_usable(each, reading.kind, grid)]
        if len(usable) < len(outlines) or not usable:
            problems["LM-X007"].append(reading.kind)
        if reading.invalid and usable:
            problems["LM-X004"].append(reading.invalid[0])
        if usable:
            placed.append(_placed(number, reading, usable, grid))
    return placed, _findings(file, problems)


def lost_planes(file: ReadingFile, grid: SliceGrid) -> frozenset[int]:
    """Canonical planes nearest to outlines of nodules that lie on no slice, though within the series."""
    if not grid.is_axial:
        return frozenset()
    low, high = float(grid.z_mm.min()), float(grid.z_mm.max())
    lost = [
        int(np.abs(grid.z_mm - contour.z_mm).argmin())
        for reading in file.readings
        if reading.kind is Kind.NODULE
        for contour in reading.contours
        if low <= contour.z_mm <= high and _locate(contour, grid) is None
    ]
    turned = grid.to_canonical(np.array([[index, 0, 0] for index in lost], dtype=np.float64).reshape(-1, 3))
    return frozenset(round(float(z)) for z in turned[:, 0])


def _findings(file: ReadingFile, problems: Mapping[str, Sequence[str]]) -> list[Finding]:
    """One finding for each kind of problem, with how often it occurs."""
    expected = {"LM-X006": "all contours on slices", "LM-X007": "outlines inside the image"}
    return [
        finding(
            code,
            file.path,
            f"{len(kinds)} of {len(file.readings)} readings ({', '.join(sorted(set(kinds))[:3])})",
            expected.get(code, "ratings on their scales"),
        )
        for code, kinds in sorted(problems.items())
    ]


def _locate(contour: Contour, grid: SliceGrid) -> int | None:
    """File index of a contour's slice: by its SOPInstanceUID, else the nearest within half a spacing."""
    index = grid.index_of_sop.get(contour.sop_uid)
    if index is not None:
        return index
    distances = np.abs(grid.z_mm - contour.z_mm)
    if np.isnan(distances).any():
        return None
    nearest = int(distances.argmin())
    return nearest if distances[nearest] <= grid.spacing_mm[0] / 2 else None


def _outline(contour: Contour, index: int, grid: SliceGrid) -> Outline:
    x, y = np.array(contour.x_px), np.array(contour.y_px)
    turned = grid.to_canonical(np.column_stack([np.full(len(x), float(index)), y, x]))
    z = round(float(turned[0, 0])) if len(turned) else 0
    return Outline(z, contour.inclusion, turned[:, 1], turned[:, 2])


def _is_usable(outline: Outline, kind: Kind, grid: SliceGrid) -> bool:
    least = 3 if kind is Kind.NODULE else 1
    if len(outline.y) < least:
        return False
    inside = [
        values.min() >= -_HALF_PIXEL and values.max() <= size - _HALF_PIXEL
        for values, size in zip((outline.y, outline.x), grid.plane_shape, strict=True)
    ]
    return all(inside)


_HALF_PIXEL = 0.5


def _placed(number: int, reading: Reading, outlines: Sequence[Outline], grid: SliceGrid) -> Placed:
    if reading.kind is not Kind.NODULE:
        points = [np.column_stack([np.full(len(each.y), each.z), each.y, each.x]) for each in outlines]
        centre: Float = np.concatenate(points).mean(axis=0)
        return Placed(number, reading, tuple(outlines), None, centre, math.nan)
    stack = reading_stack(outlines)
    return Placed(
        number,
        reading,
        tuple(outlines),
        stack,
        stack.centre(),
        equivalent_diameter_mm(stack, grid.spacing_mm),
    )


def equivalent_diameter_mm(stack: Stack, spacing_mm: tuple[float, float, float]) -> float:
    """Diameter of the circle that has the area of the largest plane.

    On phantoms this is within a few percent of the drawn diameter; the largest distance between two
    vertices, which pylidc gives, is 1.5 to 2 pixels more, as outlines are drawn outside and jitter.
    """
    area_mm2 = int(stack.voxels.sum(axis=(1, 2)).max()) * spacing_mm[1] * spacing_mm[2]
    return math.sqrt(4 * area_mm2 / math.pi)
