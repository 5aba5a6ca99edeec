"""Tables of points: a CSV whose rows give a nodule's series, centre and, if known, patient, size and label.

Covers LUNA16 (`seriesuid, coordX, coordY, coordZ, diameter_mm`), LUNA25 and tables made in-house; see
`docs/data.md` for the names of columns. Coordinates are LPS millimetres, or indices into the file's own axes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lungml.sources.cells import Cells
from lungml.sources.csv_table import CsvTable, read_csv
from lungml.sources.marks import Mark
from lungml.sources.problems import Problems

COLUMNS = {
    "series": ("series_uid", "seriesuid", "seriesinstanceuid", "series", "file"),
    "patient_id": ("patient_id", "patientid"),
    "diameter_mm": ("diameter_mm",),
    "score": ("score", "malignancy"),
    "label": ("label",),
    "name": ("nodule_id", "noduleid", "annotationid"),
}
"""What a column means -> names it may have, whatever their case."""
CENTRES = {
    False: (("x_mm", "coordx"), ("y_mm", "coordy"), ("z_mm", "coordz")),
    True: (("x_voxel",), ("y_voxel",), ("z_voxel",)),
}
"""Whether a centre is in voxels -> names of its columns x, y and z. Millimetres are used where both are."""


@dataclass(frozen=True)
class Point:
    """A row of the table; `series` is what it calls its series."""

    series: str
    mark: Mark


def is_points_header(columns: Iterable[str]) -> bool:
    """Whether this is, or is meant as, a table of points: a series and at least two parts of a centre."""
    folded = {column.casefold() for column in columns}
    axes = max(sum(not folded.isdisjoint(names) for names in axes) for axes in CENTRES.values())
    return not folded.isdisjoint(COLUMNS["series"]) and axes > 1


def read_points(raw: Path, path: str, problems: Problems) -> list[Point]:
    """Read a table of points; what is wrong with it, and with each of its rows, goes into `problems`."""
    try:
        table = read_csv(raw, path)
    except ValueError as error:
        problems.add("LM-L001", path, 0, str(error))
        return []
    places = {meaning: table.column(names) for meaning, names in COLUMNS.items()}
    in_voxels, centre = _centre(table)
    if places["series"] is None or centre is None:
        problems.add("LM-L001", path, 0, f"the columns {', '.join(table.columns)[:_SHOWN]}")
        return []
    known = {meaning: place for meaning, place in places.items() if place is not None}
    points = []
    for number, row in table.rows:
        cells = dict.fromkeys(COLUMNS, "") | {meaning: row[place] for meaning, place in known.items()}
        cells |= dict(zip("xyz", (row[place] for place in centre), strict=True))
        points.append(_point(Cells(cells, path, number, problems), in_voxels))
        if len(row) > len(table.columns):
            problems.add("LM-L005", path, number, f"{len(row)} cells for {len(table.columns)} columns")
    bad = problems.rows(path)
    return [point for point in points if point.mark.row not in bad]


_SHOWN = 200


def _centre(table: CsvTable) -> tuple[bool, list[int] | None]:
    for in_voxels, axes in CENTRES.items():
        found = [table.column(names) for names in axes]
        places = [place for place in found if place is not None]
        if len(places) == len(axes):
            return in_voxels, places
    return False, None


def _point(cells: Cells, in_voxels: bool) -> Point:
    if not cells.text["series"]:
        cells.complain("LM-L005", "series: empty")
    x, y, z = (cells.number(axis, needed=True) for axis in "xyz")
    mark = Mark(
        table=cells.table,
        row=cells.row,
        patient_id=cells.text["patient_id"],
        name=" ".join(cells.text["name"].split()),
        centre=(x, y, z),
        in_voxels=in_voxels,
        diameter_mm=cells.number("diameter_mm", within=lambda value: 0 < value <= MAX_DIAMETER_MM),
        score=cells.whole("score", range(1, 6), missing=0),
        label=cells.whole("label", range(2), missing=-1),
    )
    return Point(cells.text["series"], mark)


MAX_DIAMETER_MM = 300.0
"""Wider than a lung."""
