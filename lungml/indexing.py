"""One series in, its rows of every table out: the unit of work that is spread over processes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lungml.ct.geometry import Geometry, uneven_finding
from lungml.ct.header import Header
from lungml.ct.inspect_series import Inspected, inspect_series
from lungml.nodules.consensus import Nodule, consensus_nodules
from lungml.nodules.lidc_xml import Kind, ReadingFile
from lungml.nodules.linking import Placed, SliceGrid, place_readings
from lungml.nodules.reading_files import choose_file
from lungml.params.data import ConsensusParams, CtParams
from lungml.quarantine import Finding, RefusedError, finding, hashed_uid

Row = dict[str, Any]
TABLE_NAMES = ("series", "slices", "readings", "contours", "nodules")


@dataclass(frozen=True)
class SeriesJob:
    """The files of one series, and the files of readings that name it."""

    headers: tuple[Header, ...]
    files: tuple[ReadingFile, ...]


@dataclass
class Rows:
    """Rows of the tables, by table name, and findings."""

    tables: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in TABLE_NAMES})
    findings: list[Finding] = field(default_factory=list)

    def add(self, other: Rows) -> None:
        """Append the rows of another one."""
        for name, rows in other.tables.items():
            self.tables[name] += rows
        self.findings += other.findings


def index_series(job: SeriesJob, raw: Path, ct: CtParams, consensus: ConsensusParams) -> Rows:
    """Index one series; a series that is set aside gives only findings.

    Its nodules are numbered within the series ("1", "2", ...); `number_nodules` gives them their ids.
    """
    try:
        return _index(job, raw, ct, consensus)
    except RefusedError as error:
        return Rows(findings=[error.finding, *_orphans(job.files)])


def _orphans(files: Sequence[ReadingFile]) -> list[Finding]:
    return [
        finding("LM-X003", file.path, f"{len(file.readings)} readings") for file in files if file.readings
    ]


def _index(job: SeriesJob, raw: Path, ct: CtParams, consensus: ConsensusParams) -> Rows:
    uid = job.headers[0].series_uid
    if uid in ct.skip_series:
        raise RefusedError(finding("LM-D056", job.headers[0].path, f"series {hashed_uid(uid)}"))
    series = inspect_series(raw, job.headers, ct)
    file, findings = choose_file(job.files)
    placed, problems = place_readings(file, _grid(series)) if file else ([], [])
    nodules = consensus_nodules(placed, series.geometry.spacing_mm, consensus)
    findings += [*series.findings, *problems, *_check_gaps(series, placed, ct), *_ambiguous(file, nodules)]
    rows = Rows(findings=findings)
    patient = patient_of(series.slices[0])
    rows.tables["series"] = [_series_row(series, patient)]
    rows.tables["slices"] = _slice_rows(series)
    rows.tables["nodules"] = [_nodule_row(each, uid, patient, n) for n, each in enumerate(nodules, start=1)]
    nodule_of = {
        reading.number: str(n) for n, each in enumerate(nodules, start=1) for reading in each.members
    }
    rows.tables["readings"] = [_reading_row(each, uid, patient, nodule_of) for each in placed]
    rows.tables["contours"] = [row for each in placed for row in _contour_rows(each, uid)]
    return rows


def patient_of(header: Header) -> str:
    """PatientID; where it is missing, a name made of the study."""
    return header.patient_id or f"study-{hashed_uid(header.study_uid)}"


def _grid(series: Inspected) -> SliceGrid:
    geometry = series.geometry
    return SliceGrid(
        index_of_sop={header.sop_uid: index for index, header in enumerate(series.slices)},
        z_mm=np.array([(header.place.position or (0, 0, 0))[2] for header in series.slices]),
        plane_shape=geometry.shape[1:],
        spacing_mm=geometry.spacing_mm,
        is_axial=geometry.orientation.is_axial,
        to_canonical=geometry.to_canonical,
    )


def _check_gaps(series: Inspected, placed: Sequence[Placed], params: CtParams) -> list[Finding]:
    """Uneven slices near a nodule refuse the series (LM-D043); elsewhere they are noted."""
    geometry, path = series.geometry, series.slices[0].path
    if not geometry.gaps:
        return []
    marked = [outline.z for each in placed if each.stack is not None for outline in each.outlines]
    near = any(_is_near(geometry, z, params.gap_distance_mm) for z in set(marked))
    note = uneven_finding("LM-D043" if near else "LM-D054", geometry.gaps, geometry.positions_mm, path)
    if near:
        raise RefusedError(note)
    return [note]


def _is_near(geometry: Geometry, z: int, distance_mm: float) -> bool:
    """Whether canonical plane `z` is within `distance_mm` of an uneven distance between slices."""
    at = geometry.positions_mm[geometry.z_of_slice(z)]
    for gap in geometry.gaps:
        low, high = geometry.positions_mm[gap.index], geometry.positions_mm[gap.index + 1]
        if low - distance_mm <= at <= high + distance_mm:
            return True
    return False


def _ambiguous(file: ReadingFile | None, nodules: Sequence[Nodule]) -> list[Finding]:
    count = sum(nodule.ambiguous for nodule in nodules)
    if not (count and file):
        return []
    return [finding("LM-X009", file.path, f"{count} of {len(nodules)} nodules", "a reader once in each")]


def _series_row(series: Inspected, patient: str) -> Row:
    first, geometry = series.slices[0], series.geometry
    z_mm, y_mm, x_mm = geometry.spacing_mm
    return {
        "series_uid": first.series_uid,
        "study_uid": first.study_uid,
        "patient_id": patient,
        "form": "volume",
        "n_slices": geometry.shape[0],
        "rows": geometry.shape[1],
        "columns": geometry.shape[2],
        "spacing_z_mm": z_mm,
        "spacing_y_mm": y_mm,
        "spacing_x_mm": x_mm,
        **asdict(first.scan),
        **asdict(series.statistics),
    }


def _slice_rows(series: Inspected) -> list[Row]:
    return [
        {
            "series_uid": header.series_uid,
            "z_index": series.geometry.z_of_slice(index),
            "sop_uid": header.sop_uid,
            "path": header.path,
            "position_mm": float(series.geometry.positions_mm[index]),
        }
        for index, header in enumerate(series.slices)
    ]


def _reading_id(placed: Placed, series_uid: str) -> str:
    return f"{hashed_uid(series_uid)}-r{placed.reading.reader}-{placed.number:03}"


def _reading_row(placed: Placed, series_uid: str, patient: str, nodule_of: Mapping[int, str]) -> Row:
    z, y, x = (float(value) for value in placed.centre)
    return {
        "reading_id": _reading_id(placed, series_uid),
        "series_uid": series_uid,
        "patient_id": patient,
        "nodule_id": nodule_of.get(placed.number, ""),
        "reader": placed.reading.reader,
        "kind": placed.reading.kind.value,
        **placed.reading.ratings,
        "diameter_mm": placed.diameter_mm,
        "z_index": z,
        "y_index": y,
        "x_index": x,
    }


def _contour_rows(placed: Placed, series_uid: str) -> list[Row]:
    if placed.reading.kind is not Kind.NODULE:
        return []
    return [
        {
            "reading_id": _reading_id(placed, series_uid),
            "contour": number,
            "z_index": outline.z,
            "inclusion": outline.inclusion,
            "y_index": outline.y.astype(np.float32),
            "x_index": outline.x.astype(np.float32),
        }
        for number, outline in enumerate(placed.outlines)
    ]


def _nodule_row(nodule: Nodule, series_uid: str, patient: str, number: int) -> Row:
    z, y, x = nodule.centre
    return {
        "nodule_id": str(number),
        "series_uid": series_uid,
        "patient_id": patient,
        "n_readers": nodule.n_readers,
        "scores": list(nodule.scores),
        "label": -1,
        "diameter_mm": nodule.diameter_mm,
        "volume_mm3": nodule.volume_mm3,
        "z_index": z,
        "y_index": y,
        "x_index": x,
        "largest_z_index": nodule.largest_z_index,
        "ambiguous": nodule.ambiguous,
        "crop_path": "",
    }


def number_nodules(rows: Rows) -> None:
    """Give nodules their ids, `<patient_id>-n<k>`: k counts a patient's nodules by series, then z, y, x."""
    last: dict[str, int] = {}
    names: dict[tuple[str, str], str] = {}
    for row in sorted(rows.tables["nodules"], key=lambda each: (each["series_uid"], int(each["nodule_id"]))):
        patient = row["patient_id"]
        last[patient] = last.get(patient, 0) + 1
        names[row["series_uid"], row["nodule_id"]] = f"{patient}-n{last[patient]}"
    for table in ("nodules", "readings"):
        for row in rows.tables[table]:
            if row["nodule_id"]:
                row["nodule_id"] = names[row["series_uid"], row["nodule_id"]]
