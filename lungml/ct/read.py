"""Read a CT series, or some of its planes, as HU in canonical orientation."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lungml.ct.filling import fill_planes
from lungml.ct.frames import read_images
from lungml.ct.geometry import Geometry, geometry_of, in_order, orientation_of_slices
from lungml.ct.header import Header
from lungml.ct.image_files import read_image_file
from lungml.ct.itk_files import volume_suffix
from lungml.ct.opening import readable
from lungml.ct.rules import first_broken
from lungml.ct.series import with_rescale
from lungml.ct.volume import Hu, Mask, Volume
from lungml.ct.volume_files import read_volume_file
from lungml.errors import InputError
from lungml.params.data import CtParams
from lungml.quarantine import RefusedError, finding

if TYPE_CHECKING:
    import pandas as pd


def read_volume(raw: Path, slices: pd.DataFrame, params: CtParams | None = None) -> Volume:
    """Read the whole series.

    Args:
        raw: the folder that paths are relative to.
        slices: rows of table SLICES of one series, in any order.
        params: tolerances and assumptions; by default those of `CtParams`, with any number of gaps (the
            index decides which series are volumes).

    Raises:
        RefusedError: a file is not what it was when it was indexed.
    """
    path = _volume_path(slices)
    if path:
        return read_volume_file(raw, path)
    params = params or _TOLERANT
    headers = in_order(_checked_headers(raw, slices["path"], params))
    with readable(headers[0].path):
        return assemble(raw, headers, geometry_of(headers, params))


def read_planes(
    raw: Path, slices: pd.DataFrame, z_indices: Sequence[int], params: CtParams | None = None
) -> tuple[Hu, Mask]:
    """Read some planes; of an axial series only their files are opened.

    Args:
        raw: the folder that paths are relative to.
        slices: rows of table SLICES of one series, in any order.
        z_indices: planes of the canonical volume, in any order, repeats allowed.
        params: as of `read_volume`.

    Returns:
        HU and padding, each (n, y, x): plane i is `z_indices[i]`.

    Raises:
        InputError: there is no such plane.
        RefusedError: a file is not what it was when it was indexed.
    """
    if _volume_path(slices):
        return _planes_of_file(raw, slices, z_indices)
    paths = dict(zip(slices["z_index"], slices["path"], strict=True))
    params = params or _TOLERANT
    (first,) = _checked_headers(raw, slices["path"].iloc[:1], params)
    if not orientation_of_slices(first).is_axial:
        volume = read_volume(raw, slices, params)
        return volume.hu[list(z_indices)], volume.padding[list(z_indices)]
    _refuse_missing(z_indices, paths)
    headers = _checked_headers(raw, [paths[z] for z in z_indices], params)
    with readable(headers[0].path):
        planes = [read_plane(raw, header) for header in headers]
    return np.stack([hu for hu, _ in planes]), np.stack([padding for _, padding in planes])


def _planes_of_file(raw: Path, slices: pd.DataFrame, z_indices: Sequence[int]) -> tuple[Hu, Mask]:
    """Planes of a volume file, or the image of a file that holds just one."""
    path = _volume_path(slices)
    if len(slices) == 1:
        image = read_image_file(raw, path)
        hu, padding = image.hu[None], image.padding[None]
    else:
        volume = read_volume_file(raw, path)
        hu, padding = volume.hu, volume.padding
    _refuse_missing(z_indices, range(len(hu)))
    return hu[list(z_indices)], padding[list(z_indices)]


def _volume_path(slices: pd.DataFrame) -> str:
    """Path of the volume file that all planes share; '' if they are DICOM files."""
    path = str(slices["path"].iloc[0])
    return path if volume_suffix(path) else ""


def _refuse_missing(z_indices: Sequence[int], there: Collection[int]) -> None:
    missing = sorted(set(z_indices) - set(there))
    if missing:
        raise InputError(f"the series has no planes {missing}; it has 0 to {max(there)}. Run `dvc repro`")


def read_plane(raw: Path, header: Header) -> tuple[Hu, Mask]:
    """HU and padding, each (y, x), of one file of an axial series."""
    shape = (1, header.pixels.rows or 0, header.pixels.columns or 0)
    hu, padding = np.empty(shape, dtype=np.int16), np.empty(shape, dtype=np.bool_)
    fill_planes(raw, [header], hu, padding)
    orientation = orientation_of_slices(header)
    return orientation.turn_plane(hu[0]), orientation.turn_plane(padding[0])


def assemble(raw: Path, ordered: Sequence[Header], geometry: Geometry) -> Volume:
    """Read slices, in the order of their positions, into a canonical volume."""
    hu, padding = np.empty(geometry.shape, dtype=np.int16), np.empty(geometry.shape, dtype=np.bool_)
    hu_planes, padding_planes = (geometry.orientation.turn_back(image) for image in (hu, padding))
    fill_planes(raw, ordered, hu_planes, padding_planes)
    return Volume(
        hu=hu,
        padding=padding,
        spacing_mm=geometry.spacing_mm,
        origin_mm=geometry.origin_mm,
        direction=geometry.direction,
    )


_TOLERANT = CtParams(max_uneven_share=1.0)


def _checked_headers(raw: Path, addresses: Iterable[str], params: CtParams) -> list[Header]:
    headers = with_rescale(read_images(raw, addresses), params)
    for header in headers:
        broken = first_broken(header)
        if broken is not None:
            code, found, expected = broken
            raise RefusedError(finding(code, header.path, found, expected))
    return headers
