"""Read a CT series, or some of its planes, as HU in canonical orientation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lungml.ct.direct import DirectReader
from lungml.ct.geometry import Geometry, geometry_of, in_order, orientation_of_slices
from lungml.ct.header import Header
from lungml.ct.hounsfield import to_hounsfield
from lungml.ct.pixels import read_stored
from lungml.ct.read_header import read_header
from lungml.ct.rules import first_broken
from lungml.ct.volume import Hu, Mask, Volume
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
        params: tolerances; by default those of `CtParams`, with any number of gaps (the index decides
            which series are volumes).

    Raises:
        RefusedError: a file is not what it was when it was indexed.
    """
    headers = in_order([_checked_header(raw, path) for path in slices["path"]])
    return assemble(raw, headers, geometry_of(headers, params or _TOLERANT))


def read_planes(raw: Path, slices: pd.DataFrame, z_indices: Sequence[int]) -> tuple[Hu, Mask]:
    """Read some planes; of an axial series only their files are opened.

    Args:
        raw: the folder that paths are relative to.
        slices: rows of table SLICES of one series, in any order.
        z_indices: planes of the canonical volume, in any order, repeats allowed.

    Returns:
        HU and padding, each (n, y, x): plane i is `z_indices[i]`.

    Raises:
        InputError: there is no such plane.
        RefusedError: a file is not what it was when it was indexed.
    """
    paths = dict(zip(slices["z_index"], slices["path"], strict=True))
    first = _checked_header(raw, slices["path"].iloc[0])
    if not orientation_of_slices(first).is_axial:
        volume = read_volume(raw, slices)
        return volume.hu[list(z_indices)], volume.padding[list(z_indices)]
    if not set(z_indices) <= set(paths):
        missing = sorted(set(z_indices) - set(paths))
        raise InputError(f"the series has no planes {missing}; it has 0 to {max(paths)}. Run `dvc repro`")
    planes = [read_plane(raw, _checked_header(raw, paths[z])) for z in z_indices]
    return np.stack([hu for hu, _ in planes]), np.stack([padding for _, padding in planes])


def read_plane(raw: Path, header: Header) -> tuple[Hu, Mask]:
    """HU and padding, each (y, x), of one file of an axial series."""
    hu, padding = to_hounsfield(read_stored(raw, header), header)
    orientation = orientation_of_slices(header)
    return orientation.turn_plane(hu), orientation.turn_plane(padding)


def assemble(raw: Path, ordered: Sequence[Header], geometry: Geometry) -> Volume:
    """Read slices, in the order of their positions, into a canonical volume."""
    hu, padding = np.empty(geometry.shape, dtype=np.int16), np.empty(geometry.shape, dtype=np.bool_)
    hu_planes, padding_planes = (geometry.orientation.turn_back(image) for image in (hu, padding))
    direct = DirectReader(raw, geometry.file_shape[1:])
    for index, header in enumerate(ordered):
        if not direct.read_into(header, hu_planes[index], padding_planes[index]):
            hu_planes[index], padding_planes[index] = to_hounsfield(read_stored(raw, header), header)
    return Volume(
        hu=hu,
        padding=padding,
        spacing_mm=geometry.spacing_mm,
        origin_mm=geometry.origin_mm,
        direction=geometry.direction,
    )


_TOLERANT = CtParams(max_uneven_share=1.0)


def _checked_header(raw: Path, path: str) -> Header:
    header = read_header(raw, path)
    broken = first_broken(header)
    if broken is not None:
        code, found, expected = broken
        raise RefusedError(finding(code, path, found, expected))
    return header
