"""A volume file with its marks in, its rows of every table out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from lungml.ct.geometry import Geometry
from lungml.ct.itk_files import volume_suffix
from lungml.ct.volume_files import inspect_volume_file
from lungml.index_rows import UNKNOWN_SCAN, Row, Rows, Whose, mark_rows, volume_row
from lungml.params.data import CtParams
from lungml.quarantine import RefusedError, finding, hashed_uid
from lungml.sources.marks import Mark, place_marks


def index_volume(path: str, marks: Sequence[Mark], raw: Path, params: CtParams) -> Rows:
    """Index one volume file with the marks of the table that names it.

    Raises:
        RefusedError: it is set aside; the finding says why.
    """
    uid = series_uid_of_file(path)
    if uid in params.skip_series:
        raise RefusedError(finding("LM-D056", path, f"series {hashed_uid(uid)}"))
    found = inspect_volume_file(raw, path, params)
    marked, problems = place_marks(marks, found.geometry)
    rows = Rows(findings=[*found.findings, *problems])
    whose = Whose(uid, "", marks[0].patient_id or patient_of_file(path))
    rows.tables["series"] = [volume_row(whose, found.geometry, UNKNOWN_SCAN, found.statistics)]
    rows.tables["slices"] = _slice_rows(uid, path, found.geometry)
    mark_rows(rows, marked, whose)
    return rows


def stem_of(path: str) -> str:
    """Name of a volume file without folder and suffix."""
    name = PurePosixPath(path).name
    return name[: len(name) - len(volume_suffix(name))]


def series_uid_of_file(path: str) -> str:
    """The file's name where it is a DICOM UID, as in LUNA16; else a name made of its path."""
    stem = stem_of(path)
    return stem if _UID.fullmatch(stem) else f"file-{hashed_uid(path)}"


def patient_of_file(path: str) -> str:
    """What stands in for a patient nobody names: the series."""
    return f"series-{hashed_uid(series_uid_of_file(path))}"


_UID = re.compile(r"[0-2](\.(0|[1-9][0-9]*)){3,}")


def _slice_rows(uid: str, path: str, geometry: Geometry) -> list[Row]:
    along = np.asarray(geometry.direction)[:, 0]
    start, step = float(np.asarray(geometry.origin_mm) @ along), geometry.spacing_mm[0]
    return [
        {"series_uid": uid, "z_index": z, "sop_uid": "", "path": path, "position_mm": start + z * step}
        for z in range(geometry.shape[0])
    ]
