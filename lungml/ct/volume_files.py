"""NIfTI, NRRD and MetaImage files as HU volumes in canonical orientation.

A file is read by the reader of its suffix alone, geometry and voxels; what it must be is what a DICOM series
must be. Nothing is resampled. Values below -1500 HU are padding, as undeclared padding of DICOM is.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungml.ct import image_header, nifti
from lungml.ct.geometry import Geometry
from lungml.ct.itk_files import (
    open_file,
    refuse_large,
    statistics_of,
    stored_values,
    to_hounsfield,
    volume_suffix,
)
from lungml.ct.orientation import orientation_of
from lungml.ct.rules import MAX_SPACING_MM
from lungml.ct.statistics import ImageStatistics
from lungml.ct.volume import Volume
from lungml.params.data import CtParams
from lungml.quarantine import Finding, RefusedError, finding


@dataclass(frozen=True)
class InspectedFile:
    """A volume file that can be used."""

    geometry: Geometry
    statistics: ImageStatistics
    findings: tuple[Finding, ...]


def geometry_of_file(raw: Path, path: str, params: CtParams) -> Geometry:
    """Where the voxels of a volume file lie; its voxels are not read.

    Raises:
        RefusedError: it cannot be a CT volume (LM-D030, LM-D053, LM-D060 to LM-D067).
    """
    return _geometry(_open_volume(raw, path), path, params)


def read_volume_file(raw: Path, path: str, params: CtParams | None = None) -> Volume:
    """Read a volume file.

    Raises:
        RefusedError: it cannot be a CT volume (LM-D030, LM-D053, LM-D060 to LM-D067).
    """
    reader = _open_volume(raw, path)
    geometry = _geometry(reader, path, params or _TOLERANT)
    hu, padding = to_hounsfield(stored_values(reader, raw, path), path)
    turn = geometry.orientation.turn
    return Volume(
        hu=np.ascontiguousarray(turn(hu.reshape(geometry.file_shape))),
        padding=np.ascontiguousarray(turn(padding.reshape(geometry.file_shape))),
        spacing_mm=geometry.spacing_mm,
        origin_mm=geometry.origin_mm,
        direction=geometry.direction,
    )


_TOLERANT = CtParams(min_slices=2, max_volume_gib=1e6)
"""What the index decided is not decided again."""


def inspect_volume_file(raw: Path, path: str, params: CtParams) -> InspectedFile:
    """Check a volume file and read its voxels once.

    Raises:
        RefusedError: it is set aside; the finding says why.
    """
    geometry = geometry_of_file(raw, path, params)
    volume = read_volume_file(raw, path, params)
    statistics = statistics_of(volume.hu, volume.padding, path)
    notes = []
    if statistics.padding_fraction > 0:
        notes.append(finding("LM-D027", path, f"{statistics.padding_fraction:.1%} of pixels"))
    return InspectedFile(geometry, statistics, tuple(notes))


def _open_volume(raw: Path, path: str) -> Any:
    """The same of a file that says where its voxels lie."""
    reader = open_file(raw, path)
    if volume_suffix(path).startswith(".nii"):
        nifti.check_place(raw, path)
    image_header.check_place(raw, path)
    return reader


def _geometry(reader: Any, path: str, params: CtParams) -> Geometry:
    sizes = list(reader.GetSize())
    while len(sizes) > 3 and sizes[-1] == 1:
        sizes.pop()
    if len(sizes) != 3:
        raise RefusedError(finding("LM-D062", path, " x ".join(map(str, sizes)), "three axes"))
    columns, rows, slices = sizes
    refuse_large(rows, columns, path)
    if slices < params.min_slices:
        raise RefusedError(finding("LM-D053", path, f"{slices}", f"at least {params.min_slices}"))
    gib = slices * rows * columns * 2 / 2**30
    if gib > params.max_volume_gib:
        raise RefusedError(
            finding("LM-D030", path, f"{gib:.1f} GiB", f"at most {params.max_volume_gib:g} GiB")
        )
    return _grid(reader, (slices, rows, columns), path)


def _grid(reader: Any, file_shape: tuple[int, int, int], path: str) -> Geometry:
    spacing, origin = (np.array(values[:3]) for values in (reader.GetSpacing(), reader.GetOrigin()))
    if volume_suffix(path).startswith(".nii"):
        spacing, origin = (_as_written(values) for values in (spacing, origin))
    axes = reader.GetDimension()
    directions = np.reshape(reader.GetDirection(), (axes, axes))[:3, 2::-1]
    spacing = spacing[::-1]
    _refuse_impossible(spacing, directions, path)
    orientation = orientation_of(directions)
    corner = np.zeros(3)
    for axis, source in enumerate(orientation.order):
        corner[source] = file_shape[source] - 1 if orientation.flipped[axis] else 0
    first = origin + directions @ (corner * spacing)
    order = list(orientation.order)
    z_mm, y_mm, x_mm = (float(value) for value in spacing[order])
    return Geometry(
        orientation=orientation,
        file_shape=file_shape,
        positions_mm=float(origin @ directions[:, 0]) + spacing[0] * np.arange(file_shape[0]),
        spacing_mm=(z_mm, y_mm, x_mm),
        origin_mm=(float(first[0]), float(first[1]), float(first[2])),
        direction=directions[:, order] * np.where(orientation.flipped, -1.0, 1.0),
        gaps=(),
    )


def _as_written(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The shortest decimals that 32-bit numbers stand for: 0.7, not 0.699999988."""
    return np.array([float(str(value)) for value in values.astype(np.float32)])


def _refuse_impossible(spacing: NDArray[np.float64], directions: NDArray[np.float64], path: str) -> None:
    if not (np.isfinite(spacing).all() and (spacing > 0).all() and (spacing <= MAX_SPACING_MM).all()):
        found = f"spacing {', '.join(f'{value:g}' for value in spacing)} mm"
        raise RefusedError(finding("LM-D064", path, found, f"above 0, at most {MAX_SPACING_MM:g}"))
    skew = np.abs(directions.T @ directions - np.eye(3)).max()
    if not skew <= _UNIT_TOLERANCE:
        raise RefusedError(finding("LM-D064", path, "axes that are not perpendicular", "perpendicular axes"))


_UNIT_TOLERANCE = 1e-3
