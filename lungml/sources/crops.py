"""Ready-made crops: an .npz of nodule views in HU beside a CSV that says whose they are."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungml.ct.header import Scan
from lungml.ct.statistics import Collector
from lungml.index_rows import UNKNOWN_SCAN, Marked, Rows, Whose, image_row, mark_rows
from lungml.nodules.consensus import Nodule
from lungml.nodules.lidc_xml import NOT_GIVEN, SCALES, Kind, Reading
from lungml.nodules.linking import Placed
from lungml.nodules.stacks import Outline
from lungml.quarantine import RefusedError, hashed_uid
from lungml.sources.cells import Cells
from lungml.sources.crop_files import crop_address, read_archive
from lungml.sources.crop_statistics import crop_statistics, middle_px
from lungml.sources.crop_tables import NEEDED
from lungml.sources.csv_table import CsvTable, read_csv
from lungml.sources.problems import Problems

MAX_SPACING_MM = 10.0
_OF_SCAN = ("manufacturer", "model", "kernel", "slice_thickness_mm")
_OPTIONAL = ("series_uid", "study_uid", "diameter_mm", "label", *_OF_SCAN)
_READERS = ("r1", "r2", "r3", "r4")
_ONE_SCORE = ("score", "malignancy")
_READER_NUMBERS = (1, 2, 3, 4, 0, 0)
"""Of the columns of scores, in this order; 0 is a score that is of no reader in particular."""


@dataclass(frozen=True)
class Crop:
    """A row of the table and its place in the archive."""

    row: int
    address: str
    image_hu: NDArray[np.int16]
    name: str
    patient_id: str
    series_uid: str
    study_uid: str
    spacing_mm: float
    diameter_mm: float
    scores: tuple[int, ...]
    """Of each reader, 0 if not given."""
    label: int
    scan: Scan


def index_crops(raw: Path, table: str, archives: Sequence[str], problems: Problems) -> Rows:
    """Rows of every crop of a table; a series has the form "crop" and no slices.

    Scores are the readers' columns r1 to r4 (0: none) where there are such, else `score` or `malignancy`. The
    pixels of `pixel_spacing_mm` are square.
    """
    by_series: dict[str, list[Crop]] = defaultdict(list)
    for crop in _read(raw, table, archives, problems):
        by_series[crop.series_uid].append(crop)
    rows = Rows()
    for uid, crops in sorted(by_series.items()):
        _add_series(rows, uid, crops)
    return rows


def _read(raw: Path, path: str, archives: Sequence[str], problems: Problems) -> list[Crop]:
    places = _places(raw, path, archives, problems)
    try:
        table = read_csv(raw, path)
    except ValueError as error:
        problems.add("LM-L001", path, 0, str(error))
        return []
    crops: dict[str, Crop] = {}
    for number, row in table.rows:
        crop = _crop(_cells(table, number, row, problems), places)
        if number in problems.rows(path) or crop is None:
            continue
        first = crops.setdefault(crop.name, crop)
        if first is not crop:
            same = (first.scores, first.label) == (crop.scores, crop.label)
            problems.add("LM-L008" if same else "LM-L003", path, number, f"as row {first.row}")
    return _of_one_patient_and_spacing(list(crops.values()), path, problems)


def _places(
    raw: Path, table: str, archives: Sequence[str], problems: Problems
) -> dict[str, tuple[str, NDArray[np.int16]]]:
    """Nodule id -> address and image, over all archives beside the table."""
    places: dict[str, tuple[str, NDArray[np.int16]]] = {}
    for path in archives:
        try:
            hu, names = read_archive(raw, path)
        except RefusedError as error:
            problems.add("LM-L017", table, 0, f"{path}: {error.finding.found}")
            continue
        places |= {name: (crop_address(path, row), hu[row]) for row, name in enumerate(names)}
    return places


def _cells(table: CsvTable, number: int, row: tuple[str, ...], problems: Problems) -> Cells:
    wanted = {name: table.column([name]) for name in (*NEEDED, *_OPTIONAL, *_READERS, *_ONE_SCORE)}
    texts = {name: row[place] if place is not None else "" for name, place in wanted.items()}
    if len(row) > len(table.columns):
        problems.add("LM-L005", table.path, number, f"{len(row)} cells for {len(table.columns)} columns")
    has_readers = any(wanted[name] is not None for name in _READERS)
    if has_readers:
        texts |= dict.fromkeys(_ONE_SCORE, "")
    return Cells(texts, table.path, number, problems)


def _crop(cells: Cells, places: Mapping[str, tuple[str, NDArray[np.int16]]]) -> Crop | None:
    name, patient = cells.text["nodule_id"], cells.text["patient_id"]
    if not patient:
        cells.complain("LM-L009", "")
    if name not in places:
        cells.complain("LM-L017", "no crop of this nodule_id")
        return None
    address, image_hu = places[name]
    scores = [cells.whole(column, range(6), missing=0) for column in (*_READERS, *_ONE_SCORE)]
    return Crop(
        row=cells.row,
        address=address,
        image_hu=image_hu,
        name=" ".join(name.split()),
        patient_id=patient,
        series_uid=cells.text["series_uid"] or f"crop-{hashed_uid(address)}",
        study_uid=cells.text["study_uid"],
        spacing_mm=cells.number("pixel_spacing_mm", within=lambda value: 0 < value <= MAX_SPACING_MM),
        diameter_mm=cells.number("diameter_mm", within=lambda value: 0 < value <= 300),
        scores=tuple(scores),
        label=cells.whole("label", range(2), missing=-1),
        scan=_scan(cells),
    )


def _scan(cells: Cells) -> Scan:
    thickness_mm = cells.number("slice_thickness_mm", within=lambda value: 0 < value <= 10)
    maker, model, kernel = (cells.text[name] for name in ("manufacturer", "model", "kernel"))
    nothing = UNKNOWN_SCAN
    return Scan(maker, model, kernel, nothing.sex, nothing.kvp, thickness_mm, nothing.age_years)


def _of_one_patient_and_spacing(crops: list[Crop], path: str, problems: Problems) -> list[Crop]:
    """Leave out crops that contradict the first one of their series."""
    first: dict[str, Crop] = {}
    kept = []
    for crop in crops:
        same = first.setdefault(crop.series_uid, crop)
        if same.patient_id != crop.patient_id:
            problems.add("LM-L011", path, crop.row, f"not the patient of row {same.row}")
        elif not np.isclose(same.spacing_mm, crop.spacing_mm, rtol=0, atol=1e-4, equal_nan=True):
            problems.add("LM-L006", path, crop.row, f"pixel_spacing_mm is not that of row {same.row}")
        else:
            kept.append(crop)
    return kept


_OF_BODIES = ("air_mode_hu", "lung_mode_hu", "tissue_mode_hu")
"""What a crop need not show, and so says nothing of how it is calibrated."""


def _add_series(rows: Rows, uid: str, crops: Sequence[Crop]) -> None:
    collector = Collector()
    for crop in crops:
        collector.add(crop.image_hu, np.zeros(crop.image_hu.shape, np.bool_))
    first = crops[0]
    whose = Whose(uid, first.study_uid, first.patient_id)
    spacing_mm, (height, width) = (first.spacing_mm, first.spacing_mm), first.image_hu.shape
    rows.tables["series"].append(
        image_row(whose, "crop", (height, width), spacing_mm, collector.summary())
        | dict.fromkeys(_OF_BODIES, math.nan)
        | asdict(first.scan)
    )
    placed = [_readings(crop, 10 * number) for number, crop in enumerate(crops)]
    marked = Marked(
        placed=[reading for readings in placed for reading in readings],
        nodules=[_nodule(crop, readings) for crop, readings in zip(crops, placed, strict=True)],
        labels=[crop.label for crop in crops],
        names=[crop.name for crop in crops],
        crop_paths=[crop.address for crop in crops],
    )
    mark_rows(rows, marked, whose)
    for row, crop in zip(rows.tables["nodules"][-len(crops) :], crops, strict=True):
        statistics = crop_statistics(crop.image_hu, middle_px(crop.diameter_mm, crop.spacing_mm))
        rows.tables["crops"].append({"nodule_id": row["nodule_id"], "series_uid": uid} | asdict(statistics))


def _readings(crop: Crop, number: int) -> list[Placed]:
    """One for each reader who gave a score, at least one; the nodule is a disc in the middle of the crop."""
    given = [(reader, score) for reader, score in zip(_READER_NUMBERS, crop.scores, strict=True) if score]
    centre = np.array([0.0, *((size - 1) / 2 for size in crop.image_hu.shape)])
    outlines = _disc(crop, centre)
    readings = [
        Reading(reader, Kind.NODULE, dict.fromkeys(SCALES, NOT_GIVEN) | {"malignancy": score}, (), ())
        for reader, score in given or [(0, 0)]
    ]
    return [
        Placed(number + place, reading, outlines, None, centre, crop.diameter_mm)
        for place, reading in enumerate(readings)
    ]


def _disc(crop: Crop, centre: NDArray[np.float64]) -> tuple[Outline, ...]:
    reach = crop.diameter_mm / 2 / crop.spacing_mm
    if math.isnan(reach):
        return ()
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    height, width = crop.image_hu.shape
    y = np.clip(centre[1] + reach * np.sin(angle), 0, height - 1)
    x = np.clip(centre[2] + reach * np.cos(angle), 0, width - 1)
    return (Outline(0, True, y, x),)


def _nodule(crop: Crop, readings: Sequence[Placed]) -> Nodule:
    _, y, x = (float(value) for value in readings[0].centre)
    return Nodule(
        members=tuple(readings),
        n_readers=len(readings),
        scores=tuple(sorted(score for score in crop.scores if score)),
        diameter_mm=crop.diameter_mm,
        volume_mm3=math.nan,
        centre=(0.0, y, x),
        largest_z_index=0,
        ambiguous=False,
    )
