"""What lungml makes of a broken file in a series: the road of the index, without its tables."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import FrameType

import numpy as np
import pandas as pd

from lungml.ct.header import Header
from lungml.ct.read import read_volume
from lungml.ct.read_header import read_header
from lungml.ct.scan import scan_folder
from lungml.ct.series import group_by_series
from lungml.ct.volume import Volume
from lungml.errors import LungmlError
from lungml.indexing import Rows, SeriesJob, index_series
from lungml.nodules.lidc_xml import ReadingFile, parse_readings
from lungml.nodules.reading_files import by_series
from lungml.params.data import ConsensusParams, CtParams
from lungml.quarantine import RefusedError


class Outcome(StrEnum):
    """How a case ended, from good to bad."""

    REFUSED = "refused"
    EQUAL = "read and equal"
    SAID = "different, and the ledger says so"
    SILENT = "silently different"
    UNCAUGHT = "uncaught exception"
    HANG = "no end in 5 s"  # of the processor
    WRITTEN = "wrote into the source"


@dataclass(frozen=True)
class Read:
    """What was read of a folder; no volume if the series was set aside."""

    codes: Counter[str]
    volume: Volume | None


class HangError(BaseException):
    """A case that takes too long; not an Exception, so that nothing takes it for a fault of the file."""


def judge(folder: Path, files: dict[str, bytes], good: Read) -> tuple[Outcome, str]:
    """Read a folder with one broken file, and compare with what the good files gave."""
    try:
        with _limit():
            read = read_folder(folder)
    except HangError:
        return Outcome.HANG, ""
    except Exception as error:  # whatever else comes out is what this looks for
        return Outcome.UNCAUGHT, f"{type(error).__name__}: {error}"
    if {path.name: path.read_bytes() for path in folder.iterdir()} != files:
        return Outcome.WRITTEN, ""
    return _compare(read, good), ""


_CPU_SECONDS = 5.0
"""Of this process; a decoder's own limit is shorter."""
_SECONDS = 60.0
"""On the clock, where others' work counts, too: enough to start a decoder on a busy machine."""


def read_folder(folder: Path) -> Read:
    """Index a folder of one series, and read its volume."""
    rows = Rows()
    scan = scan_folder(folder)
    rows.findings += scan.findings
    headers = list(_headers(folder, scan.dicom, rows))
    files = list(_readings(folder, scan.xml, rows))
    groups, skipped = group_by_series(headers)
    rows.findings += skipped
    readings = by_series(files)
    for uid, group in groups.items():
        job = SeriesJob(tuple(group), tuple(readings.get(uid, ())))
        rows.add(index_series(job, folder, CtParams(), ConsensusParams()))
    codes = Counter(finding.code for finding in rows.findings)
    return Read(codes, _volume(folder, rows, codes))


def _headers(folder: Path, paths: tuple[str, ...], rows: Rows) -> Iterator[Header]:
    for path in paths:
        try:
            yield read_header(folder, path)
        except RefusedError as error:
            rows.findings.append(error.finding)


def _readings(folder: Path, paths: tuple[str, ...], rows: Rows) -> Iterator[ReadingFile]:
    for path in paths:
        try:
            yield parse_readings(folder, path)
        except RefusedError as error:
            rows.findings.append(error.finding)


def _volume(folder: Path, rows: Rows, codes: Counter[str]) -> Volume | None:
    """Of the largest series; a broken file may have become one of its own."""
    slices = pd.DataFrame(rows.tables["slices"])
    if slices.empty:
        return None
    largest = slices["series_uid"].value_counts().index[0]
    try:
        return read_volume(folder, slices[slices["series_uid"] == largest])
    except LungmlError:
        codes["refused when read"] += 1
        return None


def _compare(read: Read, good: Read) -> Outcome:
    if read.volume is None:
        return Outcome.REFUSED
    if good.volume is not None and is_same(read.volume, good.volume):
        return Outcome.EQUAL
    return Outcome.SAID if read.codes - good.codes else Outcome.SILENT


def is_same(one: Volume, other: Volume) -> bool:
    """Whether HU are equal, and no voxel is further away than lungml's own tolerance for slices."""
    if not np.array_equal(one.hu, other.hu):
        return False
    corners = [
        (z, y, x) for z in (0, one.hu.shape[0]) for y in (0, one.hu.shape[1]) for x in (0, one.hu.shape[2])
    ]
    distances = [np.linalg.norm(one.position_mm(each) - other.position_mm(each)) for each in corners]
    return bool(max(distances) <= max(0.01, 0.01 * max(other.spacing_mm)))


@contextmanager
def _limit() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise HangError

    old = {number: signal.signal(number, stop) for number in (signal.SIGPROF, signal.SIGALRM)}
    signal.setitimer(signal.ITIMER_PROF, _CPU_SECONDS)
    signal.setitimer(signal.ITIMER_REAL, _SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in old.items():
            signal.signal(number, handler)
