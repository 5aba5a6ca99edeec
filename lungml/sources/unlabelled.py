"""Ready-made crops to be predicted: the same two files as for training, without labels."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from zipfile import is_zipfile

import numpy as np
from numpy.typing import NDArray

from lungml.errors import InputError, MissingInputError
from lungml.imaging.views import crop_plane, cut_crop
from lungml.params.data import ViewsParams
from lungml.quarantine import RefusedError
from lungml.sources.cells import shown
from lungml.sources.crop_files import read_archive
from lungml.sources.crop_tables import NEEDED
from lungml.sources.crops import MAX_SPACING_MM
from lungml.sources.csv_table import CsvTable, read_csv, read_header


@dataclass(frozen=True)
class UnlabelledCrops:
    """Crops in the order of their table: `images_hu` (N, h, w) native pixels, `spacing_mm` (N,) of them."""

    archive: Path
    not_asked: int
    """Crops of the archive that the table has no row for."""
    nodule_ids: tuple[str, ...]
    images_hu: NDArray[np.int16]
    spacing_mm: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.nodule_ids)

    def views(self, rows: slice, params: ViewsParams) -> NDArray[np.int16]:
        """Nodule views (n, C, H, W) in HU of some crops, cut as the stage `views` cuts them."""
        crops = zip(self.nodule_ids[rows], self.images_hu[rows], self.spacing_mm[rows], strict=True)
        cuts = [cut_crop(crop_plane(name, hu, (each, each)), params) for name, hu, each in crops]
        return np.stack([cut.image_hu for cut in cuts])


def read_unlabelled(archive: Path, table: Path) -> UnlabelledCrops:
    """Read the crops that a table names from an archive of `hu` and `nodule_id`; other columns are ignored.

    Raises:
        MissingInputError: one of the files is not there.
        InputError: a file is not of that form, a row has no crop, or a spacing is impossible.
    """
    for path in (archive, table):
        if not path.is_file():
            raise MissingInputError(f"{path} is not there; name an archive of crops and the table of them")
    if is_zipfile(table):
        swapped = f"lungml predict {table} --points {archive}"
        instead = f"name the CSV of {table}" if is_zipfile(archive) else f"the archive comes first: {swapped}"
        raise InputError(f"--points {table} is an archive of arrays, not a table; {instead}")
    names, spacing_mm = _rows(table)
    images_hu, there = _images(archive)
    places = {name: place for place, name in enumerate(there)}
    _refuse(
        f"{table}: nodule(s) without a crop in {archive}",
        [name for name in names if name not in places],
        f"; the archive's ids look like {', '.join(map(repr, there[:_SHOWN_IDS]))}",
    )
    images_hu = images_hu[[places[name] for name in names]]
    return UnlabelledCrops(archive, len(places) - len(names), names, images_hu, spacing_mm)


def _images(archive: Path) -> tuple[NDArray[np.int16], tuple[str, ...]]:
    try:
        return read_archive(archive.parent, archive.name)
    except RefusedError as error:
        why = error.finding
        raise InputError(
            f"{archive} is no archive of crops: found {why.found}, expected {why.expected}. Write `hu`, "
            "(n, height, width) in HU, and `nodule_id`, a different one for each, by numpy.savez"
        ) from error


def _rows(path: Path) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Ids and spacings of a table."""
    try:
        table = read_csv(path.parent, path.name)
    except ValueError as error:
        raise InputError(f"{path} cannot be read as CSV: {error}") from error
    columns = {name: _column(path, table, name) for name in NEEDED}
    if not table.rows:
        raise InputError(f"{path} has no row below its header, so there is nothing to predict")
    name_at, spacing_at = columns["nodule_id"], columns["pixel_spacing_mm"]
    rows = [(number, row[name_at], row[spacing_at]) for number, row in table.rows]
    names, spacing_mm = tuple(name for _, name, _ in rows), tuple(_spacing(text) for _, _, text in rows)
    _refuse(f"{path}: rows without a nodule_id", [f"row {number}" for number, name, _ in rows if not name])
    _refuse(
        f"{path}: rows that share a nodule_id", [name for name, count in Counter(names).items() if count > 1]
    )
    _refuse(
        f"{path}: pixel_spacing_mm must be a number above 0 and at most {MAX_SPACING_MM:g}; other values",
        [
            f"{shown(text)} in row {number}"
            for (number, _, text), each in zip(rows, spacing_mm, strict=True)
            if math.isnan(each)
        ],
    )
    return names, spacing_mm


def _column(path: Path, table: CsvTable, name: str) -> int:
    place = table.column([name])
    if place is None:
        found = ", ".join(read_header(path))[:_SHOWN_CHARACTERS] or "none"
        raise InputError(f"{path} lacks the column {name}: found {found}, expected {', '.join(NEEDED)}")
    return place


def _spacing(text: str) -> float:
    """NaN for what is none."""
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if 0 < value <= MAX_SPACING_MM else math.nan


def _refuse(what: str, wrong: list[str], hint: str = "") -> None:
    if wrong:
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise InputError(f"{what}: {', '.join(wrong[:_SHOWN])}{more}{hint}. Correct that and run again")


_SHOWN = 5
_SHOWN_IDS = 2
_SHOWN_CHARACTERS = 200
