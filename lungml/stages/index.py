"""Read headers, pixels and readings of a raw folder into tables; what cannot be used goes into a ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from lungml.ct.header import Header
from lungml.ct.read_header import read_header
from lungml.ct.scan import scan_folder
from lungml.ct.series import group_by_series
from lungml.errors import InputError, MissingInputError
from lungml.faults import Action
from lungml.files import atomic_folder, sha256_file, sha256_json, write_json
from lungml.indexing import TABLE_NAMES, Rows, SeriesJob, index_series, number_nodules
from lungml.journal import Journal
from lungml.nodules.lidc_xml import ReadingFile, parse_readings
from lungml.nodules.reading_files import by_series
from lungml.parallel import Pool, worker_pool
from lungml.params.data import ConsensusParams, CtParams
from lungml.progress import say
from lungml.quarantine import Finding, PathMask, RefusedError, counts, finding, masked, write_findings
from lungml.sources.folder import find_sources, value_files
from lungml.sources.gather import gather
from lungml.sources.linking import Key
from lungml.sources.marks import Mark
from lungml.tables import CONTOURS, CROPS, NODULES, READINGS, SERIES, SLICES, write_table

T = TypeVar("T")

_TABLES = {table.name: table for table in (SERIES, SLICES, READINGS, CONTOURS, NODULES, CROPS)}


def run(ct: CtParams, consensus: ConsensusParams, *, raw: Path, out: Path) -> None:
    """Write the six tables, `quarantine.jsonl` and `summary.json` of the folder `raw` into `out`.

    Raises:
        MissingInputError: there is no file in `raw`.
        InputError: no series in it can be used, or a table contradicts itself.
    """
    with worker_pool() as pool:
        headers, files, findings = _read_folder(raw, pool)
        sources, findings = find_sources(raw, findings)
        rows = Rows(findings=findings)
        gathered = gather(raw, sources, group_by_series(headers)[0], pool)
        rows.add(gathered.rows)
        mask = PathMask([*(word for header in headers for word in header.identities), *gathered.patients])
        _stop_at_contradictions(raw, masked(rows.findings, mask))
        jobs = _jobs(headers, files, rows, gathered.marks)
        journal = Journal(_journal_path(out), [ct.model_dump(mode="json"), consensus.model_dump(mode="json")])
        work = partial(index_series, raw=raw, ct=ct, consensus=consensus)
        for result in _index_all(jobs, work, raw, journal, pool):
            rows.add(result)
    number_nodules(rows)
    ledger = masked(rows.findings, mask)
    if not rows.tables["series"]:
        raise InputError(_nothing_usable(raw, ledger))
    _write(out, rows, ledger, [*_XML * any(job.files and not job.marks for job in jobs), *gathered.names])
    journal.remove()


def _index_all(
    jobs: Sequence[SeriesJob],
    work: Callable[[SeriesJob], Rows],
    raw: Path,
    journal: Journal,
    pool: Pool,
) -> Iterator[Rows]:
    """Rows of every series; those that a stopped run finished are not made again."""
    names = [journal.fingerprint(raw, job) for job in jobs]
    finished = journal.finished(names)
    if finished:
        say(f"  {len(finished)} of {len(jobs)} series were finished by a run that was stopped")
    yield from finished.values()
    rest = [(name, job) for name, job in zip(names, jobs, strict=True) if name not in finished]
    results = pool.map(work, [job for _, job in rest], "series")
    for (name, _), result in zip(rest, results, strict=True):
        journal.keep(name, result)
        yield result


def _journal_path(out: Path) -> Path:
    return out.with_name(f".{out.name}.partial.jsonl")


_XML = ("LIDC XML readings",)


def _read_folder(raw: Path, pool: Pool) -> tuple[list[Header], list[ReadingFile], list[Finding]]:
    """Headers and readings of all files, and findings about those that cannot be read."""
    scan = scan_folder(raw) if raw.is_dir() else None
    if scan is None or not (scan.dicom or scan.xml or scan.findings):
        raise MissingInputError(
            f"{raw} holds no files; put DICOM series there, or run the acquire stage (`dvc repro`)"
        )
    values = value_files(raw, scan.findings)
    dicom = [path for path in scan.dicom if path not in values]
    headers, bad_headers = _sorted_out(
        pool.map(partial(_try_header, raw), dicom, "headers", _HEADERS_AT_ONCE)
    )
    files, bad_files = _sorted_out(
        pool.map(partial(_try_readings, raw), scan.xml, "reading files", _FILES_AT_ONCE)
    )
    return headers, files, [*scan.findings, *bad_headers, *bad_files]


_HEADERS_AT_ONCE = 256
_FILES_AT_ONCE = 16


def _sorted_out(results: Iterable[T | Finding]) -> tuple[list[T], list[Finding]]:
    good: list[T] = []
    findings: list[Finding] = []
    for result in results:
        if isinstance(result, Finding):
            findings.append(result)
        else:
            good.append(result)
    return good, findings


def _try_header(raw: Path, path: str) -> Header | Finding:
    try:
        return read_header(raw, path)
    except RefusedError as error:
        return error.finding


def _try_readings(raw: Path, path: str) -> ReadingFile | Finding:
    try:
        return parse_readings(raw, path)
    except RefusedError as error:
        return error.finding


def _jobs(
    headers: Sequence[Header],
    files: Sequence[ReadingFile],
    rows: Rows,
    marks: Mapping[Key, Sequence[Mark]] | None = None,
) -> list[SeriesJob]:
    """One job a series; findings about files that belong to none go into `rows`."""
    marks = marks or {}
    groups, skipped = group_by_series(headers)
    rows.findings += skipped
    readings = by_series(files)
    for uid in readings.keys() - groups.keys():
        for file in readings[uid]:
            rows.findings.append(finding("LM-X003", file.path, f"{len(file.readings)} readings"))
    of_dicom = [
        SeriesJob(tuple(group), tuple(readings.get(uid, ())), tuple(marks.get(("series", uid), ())))
        for uid, group in groups.items()
    ]
    of_files = [
        SeriesJob((), (), tuple(own), path) for (kind, path), own in sorted(marks.items()) if kind == "file"
    ]
    return of_dicom + of_files


def _stop_at_contradictions(raw: Path, ledger: Sequence[Finding]) -> None:
    """Refuse tables that say two things about one nodule or patient, with all that is wrong with tables."""
    if any(item.action is Action.STOPPED for item in ledger):
        of_tables = [item for item in ledger if item.code.startswith(_TABLE_CODES)]
        raise InputError(f"the tables in {raw} cannot be used; nothing is written. {_found(of_tables)}")


_TABLE_CODES = "LM-L"


def _nothing_usable(raw: Path, ledger: Sequence[Finding]) -> str:
    return f"no series in {raw} can be used; nothing is written. {_found(ledger)}"


def _found(ledger: Sequence[Finding]) -> str:
    shown = "\n".join(f"  {item.code} {item.path}: {item.text}" for item in ledger[:_SHOWN])
    more = f"\n  and {len(ledger) - _SHOWN} more" if len(ledger) > _SHOWN else ""
    return f"What was found:\n{shown}{more}"


_SHOWN = 20


def _write(out: Path, rows: Rows, ledger: Sequence[Finding], sources: Sequence[str]) -> None:
    import pandas as pd

    with atomic_folder(out) as folder:
        for name in TABLE_NAMES:
            table = _TABLES[name]
            frame = pd.DataFrame(rows.tables[name], columns=list(table.columns))
            write_table(folder / f"{name}.parquet", frame, table)
        write_findings(folder / "quarantine.jsonl", ledger)
        tables = {name: sha256_file(folder / f"{name}.parquet") for name in TABLE_NAMES}
        summary = _summary(rows, ledger) | {"sources": list(sources)}
        write_json(folder / "summary.json", {**summary, "data_sha256": sha256_json(tables)})
    aside = counts(ledger, Action.QUARANTINED)
    say(
        f"  {summary['series']} series of {summary['patients']} patients, {summary['nodules']} nodules, "
        f"{summary['readings']} readings; {sum(aside.values())} set aside"
        + (f" ({', '.join(aside)}; see {out / 'quarantine.jsonl'})" if aside else "")
    )


def _summary(rows: Rows, ledger: Sequence[Finding]) -> dict[str, Any]:
    return {
        "series": len(rows.tables["series"]),
        "patients": len({row["patient_id"] for row in rows.tables["series"]}),
        "nodules": len(rows.tables["nodules"]),
        "readings": len(rows.tables["readings"]),
        "patients_inferred": any(item.code in _WITHOUT_PATIENTS for item in ledger),
        "quarantined": counts(ledger, Action.QUARANTINED),
        "other_findings": {action.value: counts(ledger, action) for action in _USED_ANYWAY},
    }


_WITHOUT_PATIENTS = ("LM-L010", "LM-L020")
_USED_ANYWAY = (Action.REPAIRED, Action.SKIPPED, Action.NOTED)
