"""The whole cohort: every patient drawn and written, over several processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

from lungml.compute import workers
from lungml.files import write_text
from lungml.params.data import PhantomParams
from lungml.phantom.patient import Patient, draw_patients
from lungml.phantom.series import write_patient
from lungml.phantom.truth import csv_text
from lungml.progress import track

Result = TypeVar("Result")


def write_cohort(params: PhantomParams, *, ct: Path, truth: Path) -> None:
    """Write CT series and reading files under `ct`, and nodules.csv and patients.csv under `truth`.

    Same parameters, same bytes, whatever the number of processes (`LUNGML_WORKERS`).
    """
    patients = draw_patients(params)
    written = list(
        track(each_patient(partial(write_patient, folder=ct), patients), "phantom patients", len(patients))
    )
    for name in ("nodules", "patients"):
        rows: list[dict[str, Any]] = [row for part in written for row in part[name]]
        write_text(truth / f"{name}.csv", csv_text(rows))


def each_patient(work: Callable[[Patient], Result], patients: tuple[Patient, ...]) -> Iterator[Result]:
    """Do `work` for every patient and yield the results in the patients' order, over processes."""
    count = min(workers(), len(patients))
    if count == 1:
        with threadpool_limits(1):
            yield from map(work, patients)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_use_one_thread) as pool:
        yield from pool.map(work, patients, chunksize=2)


def _use_one_thread() -> None:
    """Keep a process to one thread; as this function lives here, numpy is loaded before it runs."""
    threadpool_limits(1)
