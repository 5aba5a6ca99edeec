"""Indexing a cohort of the size of LIDC-IDRI: time and memory, with one and two worker processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.example_series import example_hu, write_example
from benchmarks.result import Result, Value, parser, show
from lungml.ct.read_header import read_header
from lungml.indexing import Rows, SeriesJob, index_series
from lungml.parallel import worker_pool
from lungml.params.data import ConsensusParams, CtParams

CLAIM = "A cohort of 1,018 CTs is indexed in minutes, in memory that does not grow with it"
COLUMNS = ("workers", "series", "slices", "seconds", "CPU seconds", "peak MiB", "of a worker")


def measure(series: int, slices: int, side: int, workers: Sequence[int]) -> Result:
    """Index one generated series `series` times over, with each of these numbers of workers."""
    with TemporaryDirectory(prefix="lungml-benchmark-") as folder:
        write_example(Path(folder), example_hu(slices, side))
        rows = tuple(_row(Path(folder), number, series, slices) for number in workers)
    return Result(CLAIM, COLUMNS, rows, (_NOTE.format(slices=slices, side=side),))


_NOTE = (
    "By repetition: every job is the same {slices} files of {side} x {side}, whose headers are read again "
    "for each; so all files are in the page cache, and UIDs are equal, which the work on a series does not "
    "see. LIDC-IDRI has 240 slices a series on average, 125 GB in all."
)


def _row(folder: Path, workers: int, series: int, slices: int) -> tuple[Value, ...]:
    """Measured in a process of its own, whose peak memory is its own, too."""
    options = ["--child", str(folder), "--series", str(series)]
    command = [sys.executable, "-m", "benchmarks.index_cohort", *options]
    environment = {**os.environ, "LUNGML_WORKERS": str(workers), "OMP_NUM_THREADS": "1"}
    printed = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    seconds, cpu, parent, worker = (float(value) for value in printed.split()[-4:])
    return workers, series, series * slices, seconds, cpu, parent, worker


def _index(folder: Path, series: int) -> None:
    """Read headers, then index, one job after the other; prints seconds and peak memory."""
    names = sorted(path.name for path in folder.iterdir())
    started, spent = time.perf_counter(), time.process_time()
    rows = Rows()
    with worker_pool() as pool:
        jobs = list(_jobs(folder, names, series))
        work = partial(_index_one, raw=folder)
        cpu, worker_mib = time.process_time() - spent, 0.0
        for result, mebibytes, seconds in pool.map(work, jobs, "series"):
            rows.add(result)
            worker_mib = max(worker_mib, mebibytes)
            cpu += seconds
    if len(rows.tables["series"]) != series:
        raise RuntimeError(f"{len(rows.tables['series'])} of {series} series were indexed; this is a fault")
    print(time.perf_counter() - started, cpu, _peak_mib(), worker_mib)


def _jobs(folder: Path, names: list[str], series: int) -> Iterator[SeriesJob]:
    for _ in range(series):
        yield SeriesJob(tuple(read_header(folder, name) for name in names), ())


def _index_one(job: SeriesJob, raw: Path) -> tuple[Rows, float, float]:
    """Rows, peak memory and processor time of the process that made them."""
    started = time.process_time()
    rows = index_series(job, raw, CtParams(), ConsensusParams())
    return rows, _peak_mib(), time.process_time() - started


def _peak_mib() -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    return int(found[1]) / 1024 if found else float("nan")


if __name__ == "__main__":
    arguments = parser(CLAIM)
    arguments.add_argument("--series", type=int, default=1018)
    arguments.add_argument("--slices", type=int, default=240)
    arguments.add_argument("--side", type=int, default=512)
    arguments.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    arguments.add_argument("--child", type=Path, help="index this folder; the program calls itself so")
    given = arguments.parse_args()
    if given.child:
        _index(given.child, given.series)
    else:
        show(measure(given.series, given.slices, given.side, given.workers), given.json)
