"""Where the slices of a series lie, from ImagePositionPatient and ImageOrientationPatient alone.

Slices are ordered by the projection of their position on the slice normal, and their distance is the
distance of the positions; InstanceNumber, SliceLocation and SliceThickness are never used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lungml.ct.header import Header
from lungml.ct.orientation import Orientation, orientation_of
from lungml.params.data import CtParams
from lungml.quarantine import Finding, RefusedError, finding

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Gap:
    """A distance between planes `index` and `index + 1` (file order) that differs from the usual one."""

    index: int
    distance_mm: float


@dataclass(frozen=True)
class Geometry:
    """Grid of a series.

    Attributes:
        orientation: how file axes become canonical ones.
        file_shape: (slices, rows, columns).
        positions_mm: (slices,) along the slice normal, ascending.
        spacing_mm: of the canonical axes (z, y, x).
        origin_mm: LPS position (x, y, z) of canonical voxel (0, 0, 0).
        direction: (3, 3), columns: unit LPS vectors of the canonical axes.
        gaps: where planes are unevenly spaced.
    """

    orientation: Orientation
    file_shape: tuple[int, int, int]
    positions_mm: Float
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: Float
    gaps: tuple[Gap, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the canonical volume."""
        first, second, third = (self.file_shape[source] for source in self.orientation.order)
        return first, second, third

    def z_of_slice(self, index: int) -> int:
        """Canonical index, along the stacking axis, of the slice at `index` in the order of positions."""
        axis = self.orientation.order.index(0)
        return self.file_shape[0] - 1 - index if self.orientation.flipped[axis] else index

    def to_canonical(self, points: Float) -> Float:
        """(n, 3) file indices (slice, row, column) -> (n, 3) canonical indices (z, y, x)."""
        return self.orientation.turn_points(points, self.file_shape)


def normal_of(header: Header) -> Float:
    """Unit slice normal in LPS: direction along a row times direction along a column."""
    orientation = np.array(header.place.orientation)
    return _unit_normal(orientation[:3], orientation[3:])


def _unit_normal(along_row: Float, along_column: Float) -> Float:
    normal = np.cross(along_row, along_column)
    unit: Float = normal / np.linalg.norm(normal)
    return unit


def orientation_of_slices(header: Header) -> Orientation:
    """Orientation of a series from one of its slices; slices are stacked along the normal."""
    return _orientation_along(header.place.orientation or ())


@lru_cache(maxsize=64)
def _orientation_along(directions: tuple[float, ...]) -> Orientation:
    along_row, along_column = np.array(directions[:3]), np.array(directions[3:])
    return orientation_of(np.column_stack([_unit_normal(along_row, along_column), along_column, along_row]))


def position_of(header: Header, normal: Float) -> float:
    """Position in mm along `normal`."""
    return float(np.array(header.place.position) @ normal)


def in_order(headers: Sequence[Header]) -> list[Header]:
    """Sort slices by their position along the normal; equal positions by SOPInstanceUID."""
    normal = normal_of(headers[0])
    return sorted(headers, key=lambda header: (round(position_of(header, normal), 6), header.sop_uid))


def geometry_of(ordered: Sequence[Header], params: CtParams) -> Geometry:
    """Geometry of slices in order, no two of them at the same position.

    Raises:
        RefusedError: they are sheared (LM-D044) or no volume (LM-D043).
    """
    first = ordered[0]
    normal = normal_of(first)
    positions = np.array([position_of(header, normal) for header in ordered])
    _refuse_tilt(ordered, normal, params)
    gaps = _gaps(positions, params)
    _refuse_uneven(gaps, positions, first.path, params)
    spacing_z = _usual(positions) if gaps else (positions[-1] - positions[0]) / (len(positions) - 1)
    return _grid(ordered, positions, round(float(spacing_z), 9), gaps)


def _grid(ordered: Sequence[Header], positions: Float, spacing_z: float, gaps: tuple[Gap, ...]) -> Geometry:
    first = ordered[0]
    orientation = orientation_of_slices(first)
    file_shape = (len(ordered), first.pixels.rows or 0, first.pixels.columns or 0)
    along = np.array(first.place.orientation)
    directions = np.column_stack([normal_of(first), along[3:], along[:3]])
    row_mm, column_mm = first.place.spacing or (math.nan, math.nan)
    spacing = np.array([spacing_z, row_mm, column_mm])
    order = list(orientation.order)
    signs = np.where(orientation.flipped, -1.0, 1.0)
    corner = np.zeros(3)  # file index of canonical voxel (0, 0, 0)
    for axis, source in enumerate(order):
        corner[source] = file_shape[source] - 1 if orientation.flipped[axis] else 0
    origin = np.array(first.place.position) + directions @ (corner * spacing)
    z_mm, y_mm, x_mm = (float(value) for value in spacing[order])
    return Geometry(
        orientation=orientation,
        file_shape=file_shape,
        positions_mm=positions,
        spacing_mm=(z_mm, y_mm, x_mm),
        origin_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=directions[:, order] * signs,
        gaps=gaps,
    )


def _usual(positions: Float) -> float:
    return float(np.median(np.diff(positions)))


def _gaps(positions: Float, params: CtParams) -> tuple[Gap, ...]:
    usual = _usual(positions)
    tolerance = max(params.position_tolerance_mm, _TOLERANCE_SHARE * usual)
    distances = np.diff(positions)
    uneven = np.flatnonzero(np.abs(distances - usual) > tolerance)
    return tuple(Gap(int(index), float(distances[index])) for index in uneven)


_TOLERANCE_SHARE = 0.01


def _refuse_tilt(ordered: Sequence[Header], normal: Float, params: CtParams) -> None:
    """Angle between the normal and the way from each slice to the next."""
    steps = np.diff(np.array([header.place.position for header in ordered]), axis=0)
    along = steps @ normal
    aside = np.linalg.norm(steps - np.outer(along, normal), axis=1)
    degrees = float(np.degrees(np.arctan2(aside, along)).max())
    if degrees > params.tilt_tolerance_degrees:
        raise RefusedError(
            finding(
                "LM-D044",
                ordered[0].path,
                f"{degrees:.2f} degrees",
                f"at most {params.tilt_tolerance_degrees:g}",
            )
        )


def _refuse_uneven(gaps: tuple[Gap, ...], positions: Float, path: str, params: CtParams) -> None:
    if len(gaps) > params.max_uneven_share * (len(positions) - 1):
        raise RefusedError(uneven_finding("LM-D043", gaps, positions, path))


def uneven_finding(code: str, gaps: tuple[Gap, ...], positions: Float, path: str) -> Finding:
    """Say where slices are unevenly spaced."""
    distances = sorted({f"{gap.distance_mm:.4g}" for gap in gaps}, key=float)
    shown = ", ".join(distances[:_SHOWN_GAPS]) + (" ..." if len(distances) > _SHOWN_GAPS else "")
    found = f"{len(gaps)} of {len(positions) - 1} distances of {shown} mm"
    return finding(code, path, found, f"{_usual(positions):.4g} mm between all slices")


_SHOWN_GAPS = 4
