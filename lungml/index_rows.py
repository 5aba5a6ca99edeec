"""Rows of the index's tables, as they are gathered before they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from lungml.ct.geometry import Geometry
from lungml.ct.header import Scan
from lungml.ct.statistics import ImageStatistics
from lungml.nodules.consensus import Nodule
from lungml.nodules.lidc_xml import Kind
from lungml.nodules.linking import Placed
from lungml.quarantine import Finding, hashed_uid

Row = dict[str, Any]
TABLE_NAMES = ("series", "slices", "readings", "contours", "nodules", "crops")
UNKNOWN_SCAN = Scan("", "", "", "", np.nan, np.nan, np.nan)
"""Of a file that does not say who or what was scanned."""


@dataclass
class Rows:
    """Rows of the tables, by table name, and findings.

    Until `number_nodules`, nodule_id counts the nodules of a series ("1", "2", ...), with the name that the
    source gives a nodule behind a space ("1 pat7").
    """

    tables: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in TABLE_NAMES})
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: Rows) -> None:
        """Append the rows of another one."""
        for name, rows in other.tables.items():
            self.tables[name] += rows
        self.findings += other.findings


@dataclass(frozen=True)
class Whose:
    """Names that all rows of a series share."""

    series_uid: str
    study_uid: str
    patient_id: str


@dataclass(frozen=True)
class Marked:
    """What is marked in a series.

    `labels` (-1: none), `names` ('': none) and `crop_paths` (() or '': none) are of the nodules, in order.
    `lost_planes` are the canonical planes next to outlines whose own slice is not there.
    """

    placed: Sequence[Placed]
    nodules: Sequence[Nodule]
    labels: Sequence[int]
    names: Sequence[str]
    crop_paths: Sequence[str] = ()
    lost_planes: frozenset[int] = frozenset()

    @property
    def planes(self) -> set[int]:
        """Canonical planes in which a nodule is marked, or next to which one is whose slice is not there."""
        outlined = {outline.z for each in self.placed if each.stack is not None for outline in each.outlines}
        return outlined | {nodule.largest_z_index for nodule in self.nodules} | self.lost_planes


def mark_rows(rows: Rows, marked: Marked, whose: Whose) -> None:
    """Put nodules, readings and contours into `rows`."""
    ids = [f"{n} {name}".strip() for n, name in enumerate(marked.names, start=1)]
    crops = marked.crop_paths or [""] * len(ids)
    known = zip(ids, marked.nodules, marked.labels, crops, strict=True)
    rows.tables["nodules"] += [
        _nodule_row(each, whose) | {"nodule_id": ident, "label": label, "crop_path": crop}
        for ident, each, label, crop in known
    ]
    nodule_of = {
        reading.number: ident
        for ident, each in zip(ids, marked.nodules, strict=True)
        for reading in each.members
    }
    rows.tables["readings"] += [_reading_row(each, whose, nodule_of) for each in marked.placed]
    rows.tables["contours"] += [row for each in marked.placed for row in _contour_rows(each, whose)]


def volume_row(whose: Whose, geometry: Geometry, scan: Scan, statistics: ImageStatistics) -> Row:
    """Row of table SERIES for a volume."""
    z_mm, y_mm, x_mm = geometry.spacing_mm
    return {
        **asdict(whose),
        "form": "volume",
        "n_slices": geometry.shape[0],
        "rows": geometry.shape[1],
        "columns": geometry.shape[2],
        "spacing_z_mm": z_mm,
        "spacing_y_mm": y_mm,
        "spacing_x_mm": x_mm,
        **asdict(scan),
        **asdict(statistics),
    }


def image_row(
    whose: Whose,
    form: str,
    image_px: tuple[int, int],
    spacing_mm: tuple[float, float],
    statistics: ImageStatistics,
) -> Row:
    """Row of table SERIES for single images; sizes and spacing are (y, x), spacing NaN if unknown."""
    return {
        **asdict(whose),
        "form": form,
        "n_slices": 1,
        "rows": image_px[0],
        "columns": image_px[1],
        "spacing_z_mm": np.nan,
        "spacing_y_mm": spacing_mm[0],
        "spacing_x_mm": spacing_mm[1],
        **asdict(UNKNOWN_SCAN),
        **asdict(statistics),
    }


def number_nodules(rows: Rows) -> None:
    """Give nodules their ids: `<patient_id>-<given name>`, or `<patient_id>-n<k>` where there is no name.

    k counts a patient's nodules by series, then in the order of their numbers. A name that a patient has
    twice, as in two scans, gets `-n<k>` behind it.
    """
    last: dict[str, int] = {}
    names: dict[tuple[str, str], str] = {}
    used: set[str] = set()
    for row in sorted(rows.tables["nodules"], key=_place_in_series):
        patient, (_, _, given) = row["patient_id"], row["nodule_id"].partition(" ")
        last[patient] = last.get(patient, 0) + 1
        name = f"{patient}-{given}" if given else f"{patient}-n{last[patient]}"
        if name in used:
            name = f"{name}-n{last[patient]}"
        used.add(name)
        names[row["series_uid"], row["nodule_id"]] = name
    for table in ("nodules", "readings", "crops"):
        for row in rows.tables[table]:
            if row["nodule_id"]:
                row["nodule_id"] = names[row["series_uid"], row["nodule_id"]]


def _place_in_series(row: Row) -> tuple[str, int]:
    return row["series_uid"], int(row["nodule_id"].split(" ")[0])


def _reading_id(placed: Placed, series_uid: str) -> str:
    return f"{hashed_uid(series_uid)}-r{placed.reading.reader}-{placed.number:03}"


def _reading_row(placed: Placed, whose: Whose, nodule_of: Mapping[int, str]) -> Row:
    z, y, x = (float(value) for value in placed.centre)
    return {
        "reading_id": _reading_id(placed, whose.series_uid),
        "series_uid": whose.series_uid,
        "patient_id": whose.patient_id,
        "nodule_id": nodule_of.get(placed.number, ""),
        "reader": placed.reading.reader,
        "kind": placed.reading.kind.value,
        **placed.reading.ratings,
        "diameter_mm": placed.diameter_mm,
        "z_index": z,
        "y_index": y,
        "x_index": x,
    }


def _contour_rows(placed: Placed, whose: Whose) -> list[Row]:
    if placed.reading.kind is not Kind.NODULE:
        return []
    return [
        {
            "reading_id": _reading_id(placed, whose.series_uid),
            "contour": number,
            "z_index": outline.z,
            "inclusion": outline.inclusion,
            "y_index": outline.y.astype(np.float32),
            "x_index": outline.x.astype(np.float32),
        }
        for number, outline in enumerate(placed.outlines)
    ]


def _nodule_row(nodule: Nodule, whose: Whose) -> Row:
    z, y, x = nodule.centre
    return {
        "series_uid": whose.series_uid,
        "patient_id": whose.patient_id,
        "n_readers": nodule.n_readers,
        "scores": list(nodule.scores),
        "diameter_mm": nodule.diameter_mm,
        "volume_mm3": nodule.volume_mm3,
        "z_index": z,
        "y_index": y,
        "x_index": x,
        "largest_z_index": nodule.largest_z_index,
        "ambiguous": nodule.ambiguous,
    }
