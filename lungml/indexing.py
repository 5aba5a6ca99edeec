"""One series in, its rows of every table out: the unit of work that is spread over processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lungml.ct.geometry import Geometry, uneven_finding
from lungml.ct.header import Header
from lungml.ct.inspect_series import Inspected, inspect_series
from lungml.index_rows import TABLE_NAMES, Marked, Row, Rows, Whose, mark_rows, number_nodules, volume_row
from lungml.nodules.consensus import Nodule, consensus_nodules
from lungml.nodules.lidc_xml import ReadingFile
from lungml.nodules.linking import SliceGrid, lost_planes, place_readings
from lungml.nodules.reading_files import choose_file
from lungml.params.data import ConsensusParams, CtParams
from lungml.quarantine import Finding, RefusedError, finding, hashed_uid
from lungml.sources.marks import Mark, place_marks
from lungml.sources.volumes import index_volume

__all__ = ["TABLE_NAMES", "Rows", "SeriesJob", "index_series", "number_nodules", "patient_of"]


@dataclass(frozen=True)
class SeriesJob:
    """The files of one series, and the readings that name it.

    Attributes:
        headers: of its DICOM files; () for a volume file.
        files: of readings in LIDC's XML.
        marks: rows of tables of points; where there are any, they are the nodules of the series.
        volume: path of the volume file, relative to the raw folder; '' for DICOM.
    """

    headers: tuple[Header, ...]
    files: tuple[ReadingFile, ...]
    marks: tuple[Mark, ...] = ()
    volume: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """Every file that the rows of the series are made from; of an address, also the frame."""
        own = (self.volume,) if self.volume else tuple(header.path for header in self.headers)
        tables = sorted({mark.table for mark in self.marks})
        return (*own, *(file.path for file in self.files), *tables)


def index_series(job: SeriesJob, raw: Path, ct: CtParams, consensus: ConsensusParams) -> Rows:
    """Index one series; a series that is set aside gives only findings.

    Its nodules are numbered within the series ("1", "2", ...); `number_nodules` gives them their ids.
    """
    try:
        return index_volume(job.volume, job.marks, raw, ct) if job.volume else _index(job, raw, ct, consensus)
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
    marked, findings = _marked(job, series, consensus)
    findings += [*series.findings, *_check_gaps(series, marked.planes, ct)]
    rows = Rows(findings=findings)
    first = series.slices[0]
    whose = Whose(uid, first.study_uid, _patient_of_marks(job.marks) or patient_of(first))
    rows.tables["series"] = [volume_row(whose, series.geometry, first.scan, series.statistics)]
    rows.tables["slices"] = _slice_rows(series)
    mark_rows(rows, marked, whose)
    return rows


def _marked(job: SeriesJob, series: Inspected, consensus: ConsensusParams) -> tuple[Marked, list[Finding]]:
    """Nodules of the tables of points that name the series, else of its XML readings."""
    if job.marks:
        marked, findings = place_marks(job.marks, series.geometry)
        left_out = [finding("LM-L013", each.path, f"{len(each.readings)} readings") for each in job.files]
        return marked, [*findings, *left_out]
    file, findings = choose_file(job.files)
    grid = _grid(series)
    placed, problems = place_readings(file, grid) if file else ([], [])
    nodules = consensus_nodules(placed, series.geometry.spacing_mm, consensus)
    findings += [*problems, *_ambiguous(file, nodules)]
    lost = lost_planes(file, grid) if file else frozenset()
    return Marked(placed, nodules, [-1] * len(nodules), [""] * len(nodules), (), lost), findings


def _patient_of_marks(marks: Sequence[Mark]) -> str:
    return next((mark.patient_id for mark in marks if mark.patient_id), "")


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


def _check_gaps(series: Inspected, planes: set[int], params: CtParams) -> list[Finding]:
    """Uneven slices near a nodule refuse the series (LM-D043); elsewhere they are noted."""
    geometry, path = series.geometry, series.slices[0].path
    if not geometry.gaps:
        return []
    near = any(_is_near(geometry, z, params.gap_distance_mm) for z in planes)
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


def _slice_rows(series: Inspected) -> list[Row]:
    return [
        {
            "series_uid": header.series_uid,
            "z_index": series.geometry.z_of_slice(index),
            "sop_uid": header.sop_uid,
            "path": header.address,
            "position_mm": float(series.geometry.positions_mm[index]),
        }
        for index, header in enumerate(series.slices)
    ]
