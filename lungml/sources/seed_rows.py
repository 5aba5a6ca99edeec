"""Rows of the seed study's sheet with their images, as rows of the tables; patients are inferred."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungml.ct.image_files import inspect_image, read_image_file
from lungml.ct.statistics import RANGE_HU, ImageStatistics
from lungml.index_rows import Marked, Rows, Whose, image_row, mark_rows
from lungml.nodules.consensus import Nodule
from lungml.nodules.linking import Placed
from lungml.nodules.stacks import Outline
from lungml.parallel import Pool
from lungml.quarantine import Finding, RefusedError, finding
from lungml.similarity import groups_of_slices
from lungml.sources.crop_files import crop_address
from lungml.sources.marks import point_reading
from lungml.sources.problems import Problems
from lungml.sources.seed_sheet import SheetRow


@dataclass(frozen=True)
class Pair:
    """A row whose two images can be used.

    Attributes:
        slice_px: (rows, columns) of the full slice.
        spacing_mm: (y, x), NaN if unknown.
        nodule_px: (rows, columns) of the nodule image.
        nodule_sha256: of the nodule image; that of the slice is in `statistics`.
        corner_px: (y, x) of the nodule image's first pixel in the slice; None if it is not found there.
    """

    row: SheetRow
    slice_px: tuple[int, int]
    spacing_mm: tuple[float, float]
    statistics: ImageStatistics
    nodule_px: tuple[int, int]
    nodule_sha256: str
    corner_px: tuple[int, int] | None

    @property
    def slice_sha256(self) -> str:
        """Of the full slice's pixels; equal images have equal sums."""
        return self.statistics.pixels_sha256


def index_sheet(raw: Path, table: str, sheet: Sequence[SheetRow], pool: Pool, problems: Problems) -> Rows:
    """Rows of every nodule of a sheet; a series has the form "slice" and is one distinct image.

    A nodule's diameter is the longest side of its image, if the pixels have a size, and its outline the
    ellipse inscribed in that image.
    """
    results = list(pool.map(partial(_inspect, raw), sheet, "slices", _AT_ONCE))
    findings = []
    pairs = []
    for row, result in zip(sheet, results, strict=True):
        if isinstance(result, Finding):
            findings.append(result)
            problems.add("LM-L017", table, row.row, result.code)
        else:
            pairs.append(result)
    rows = Rows(findings=findings)
    by_slice = _by_slice(_without_repeats(pairs, table, problems), table, problems)
    patients = _patients(raw, list(by_slice.values()))
    for (sha256, own), patient in zip(by_slice.items(), patients, strict=True):
        _add_series(rows, Whose(f"slice-{sha256[:12]}", "", patient), own)
    if by_slice:
        problems.add("LM-L020", table, 0, f"{len(set(patients))} patients of {len(by_slice)} slices")
    return rows


_AT_ONCE = 16


def _inspect(raw: Path, row: SheetRow) -> Pair | Finding:
    try:
        image = read_image_file(raw, row.slice_path)
        statistics = inspect_image(image, row.slice_path)
        nodule = read_image_file(raw, row.nodule_path).hu
        _refuse_bad_nodule(nodule, row.nodule_path)
    except RefusedError as error:
        return error.finding
    height, width = image.hu.shape
    digest = hashlib.sha256(np.ascontiguousarray(nodule).tobytes() + str(nodule.shape).encode())
    corner = locate(nodule, image.hu)
    nodule_px = (nodule.shape[0], nodule.shape[1])
    return Pair(row, (height, width), image.spacing_mm, statistics, nodule_px, digest.hexdigest(), corner)


def _refuse_bad_nodule(nodule_hu: NDArray[np.int16], path: str) -> None:
    if min(nodule_hu.shape) < _SMALLEST_PX:
        found = " x ".join(map(str, nodule_hu.shape))
        raise RefusedError(finding("LM-D062", path, f"{found} pixels", f"at least {_SMALLEST_PX} each way"))
    if nodule_hu.min() == nodule_hu.max():
        raise RefusedError(finding("LM-D066", path, f"{nodule_hu.min()} everywhere"))
    inside = ((nodule_hu >= RANGE_HU[0]) & (nodule_hu <= RANGE_HU[1])).mean()
    if inside < _MIN_SHARE:
        raise RefusedError(finding("LM-D025", path, f"{inside:.1%} of pixels of plausible HU", "99%"))


_SMALLEST_PX = 2
_MIN_SHARE = 0.99


def locate(part: NDArray[np.int16], whole: NDArray[np.int16]) -> tuple[int, int] | None:
    """Where (y, x) the first pixel of `part` lies in `whole`; None if it is nowhere, or in several places."""
    height, width = (a - b + 1 for a, b in zip(whole.shape, part.shape, strict=True))
    if height < 1 or width < 1:
        return None
    possible = np.ones((height, width), dtype=np.bool_)
    probes = np.linspace(0, part.size - 1, _PROBES).astype(np.intp)
    for y, x in zip(*np.unravel_index(probes, part.shape), strict=True):
        possible &= whole[y : y + height, x : x + width] == part[y, x]
    places = [
        (int(y), int(x))
        for y, x in np.argwhere(possible)
        if np.array_equal(whole[y : y + part.shape[0], x : x + part.shape[1]], part)
    ]
    return places[0] if len(places) == 1 else None


_PROBES = 12
"""Pixels compared everywhere before whole images are."""


def _without_repeats(pairs: Sequence[Pair], table: str, problems: Problems) -> list[Pair]:
    """One pair for each nodule, by file and by pixels; a nodule with two classes is a conflict."""
    first: dict[object, Pair] = {}
    kept = []
    for pair in pairs:
        keys = (pair.row.nodule_path, (pair.slice_sha256, pair.nodule_sha256))
        same = next((first[key] for key in keys if key in first), None)
        first |= {key: pair for key in keys if key not in first}
        if same is None:
            kept.append(pair)
        else:
            code = "LM-L008" if same.row.score == pair.row.score else "LM-L003"
            problems.add(code, table, pair.row.row, f"as row {same.row.row}")
    return kept


def _by_slice(pairs: Sequence[Pair], table: str, problems: Problems) -> dict[str, list[Pair]]:
    """Pairs by the pixels of their slice, in the order of the sheet."""
    groups: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        if groups[pair.slice_sha256]:
            problems.add("LM-L019", table, pair.row.row, f"as row {groups[pair.slice_sha256][0].row.row}")
        groups[pair.slice_sha256].append(pair)
        if pair.corner_px is None:
            problems.add("LM-L021", table, pair.row.row)
    return dict(groups)


def _patients(raw: Path, by_slice: Sequence[Sequence[Pair]]) -> list[str]:
    """A patient's name for each distinct slice."""

    def images() -> Iterator[NDArray[np.int16]]:
        for own in by_slice:
            yield read_image_file(raw, own[0].row.slice_path).hu

    return [f"group-{group + 1:04}" for group in groups_of_slices(images())]


def _add_series(rows: Rows, whose: Whose, pairs: Sequence[Pair]) -> None:
    first = pairs[0]
    rows.tables["series"].append(
        image_row(whose, "slice", first.slice_px, first.spacing_mm, first.statistics)
    )
    rows.tables["slices"].append(
        {
            "series_uid": whose.series_uid,
            "z_index": 0,
            "sop_uid": "",
            "path": first.row.slice_path,
            "position_mm": math.nan,
        }
    )
    placed = [_placed(number, pair) for number, pair in enumerate(pairs)]
    marked = Marked(
        placed=placed,
        nodules=[_nodule(each) for each in placed],
        labels=[-1] * len(pairs),
        names=[pair.row.name for pair in pairs],
        crop_paths=[crop_address(pair.row.nodule_path) for pair in pairs],
    )
    mark_rows(rows, marked, whose)


def _placed(number: int, pair: Pair) -> Placed:
    (height, width), (y_mm, x_mm) = pair.nodule_px, pair.spacing_mm
    centre = np.array([0.0, math.nan, math.nan])
    outlines: tuple[Outline, ...] = ()
    if pair.corner_px is not None:
        y, x = (corner + (size - 1) / 2 for corner, size in zip(pair.corner_px, pair.nodule_px, strict=True))
        centre = np.array([0.0, y, x])
        outlines = (_ellipse(y, x, (height - 1) / 2, (width - 1) / 2),)
    diameter_mm = max(height * y_mm, width * x_mm)
    return Placed(number, point_reading(pair.row.score), outlines, None, centre, diameter_mm)


def _ellipse(y: float, x: float, reach_y: float, reach_x: float) -> Outline:
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    return Outline(0, True, y + reach_y * np.sin(angle), x + reach_x * np.cos(angle))


def _nodule(placed: Placed) -> Nodule:
    _, y, x = (float(value) for value in placed.centre)
    return Nodule(
        members=(placed,),
        n_readers=1,
        scores=(placed.reading.ratings["malignancy"],),
        diameter_mm=placed.diameter_mm,
        volume_mm3=math.nan,
        centre=(0.0, y, x),
        largest_z_index=0,
        ambiguous=False,
    )
