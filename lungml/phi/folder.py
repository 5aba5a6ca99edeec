"""A folder of CT, readings, volumes and tables in; the same without the patients out."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lungml import __version__
from lungml.ct.deidentify import deidentify_ct
from lungml.ct.scan import Kind, kind_of
from lungml.errors import InputError
from lungml.files import atomic_folder, write_json
from lungml.parallel import worker_pool
from lungml.phi.arrays import deidentify_arrays
from lungml.phi.keys import Pseudonyms
from lungml.phi.readings import deidentify_readings
from lungml.phi.tables import deidentify_table
from lungml.phi.volumes import FORMATS, PARTS, deidentify_volume
from lungml.quarantine import RefusedError, finding

LEDGER = "deidentification.json"
_FILES_AT_ONCE = 32


@dataclass(frozen=True)
class Counts:
    """What became of the files: how many of each kind were written, how many of each code were left out."""

    written: dict[str, int]
    left_out: dict[str, int]


def deidentify_folder(source: Path, out: Path, names: Pseudonyms) -> Counts:
    """Write every file of `source` that can be freed of its patient into the new folder `out`.

    File and folder names are pseudonyms; the tree keeps its shape. `out`/deidentification.json says how
    many files of each kind were written or left out, and names none of them. Links are not followed.

    Raises:
        InputError: no file of `source` could be written; then there is no `out`.
        OutputError: `out` cannot be written.
    """
    with atomic_folder(out) as folder, worker_pool() as pool:
        work = partial(_try_file, source, folder, names)
        results = Counter(pool.map(work, _paths(source), "files", _FILES_AT_ONCE))
        counts = Counts(_part(results, written=True), _part(results, written=False))
        if not counts.written:
            codes = ", ".join(f"{code} ({count})" for code, count in counts.left_out.items()) or "no files"
            raise InputError(
                f"nothing in {source} can be de-identified: {codes}; docs/data.md explains the codes"
            )
        write_json(folder / LEDGER, _ledger(counts, names))
    return counts


def _paths(source: Path) -> list[str]:
    return sorted(path.relative_to(source).as_posix() for path in _files(source))


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder, followlinks=False):
        yield from (Path(parent) / name for name in names)


def _part(results: Counter[tuple[str, bool]], *, written: bool) -> dict[str, int]:
    return {what: count for (what, is_written), count in sorted(results.items()) if is_written is written}


def _try_file(source: Path, folder: Path, names: Pseudonyms, path: str) -> tuple[str, bool]:
    """Kind of the file and True, or the code of why it is left out and False."""
    try:
        return _file(source, folder, names, path), True
    except RefusedError as error:
        return error.finding.code, False


def _file(source: Path, folder: Path, names: Pseudonyms, path: str) -> str:
    file = source / path
    if file.is_symlink() or not file.is_file():
        raise RefusedError(finding("LM-D050", path, "a link or special file", "a regular file"))
    target = folder / names.path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    lower = path.lower()
    if lower.endswith(PARTS):
        return "voxels of a volume file"
    if lower.endswith(tuple(FORMATS)):
        deidentify_volume(source, path, target, names)
        return "volume"
    if lower.endswith((".csv", ".xlsx")):
        deidentify_table(source, path, target, names)
        return "table"
    if lower.endswith(".npz"):
        deidentify_arrays(source, path, target, names)
        return "archive of arrays"
    return _by_content(source, path, target, names)


def _by_content(source: Path, path: str, target: Path, names: Pseudonyms) -> str:
    try:
        kind, what = kind_of(source / path)
    except OSError as error:
        raise RefusedError(
            finding("LM-D050", path, error.strerror or "an error", "a readable file")
        ) from error
    if kind is Kind.DICOM:
        deidentify_ct(source, path, target, names)
        return "CT image"
    if kind is Kind.XML:
        deidentify_readings(source, path, target, names)
        return "file of readings"
    raise RefusedError(finding("LM-P003", path, what))


def _ledger(counts: Counts, names: Pseudonyms) -> dict[str, Any]:
    return {
        "lungml": __version__,
        "method": "allow-list of tags, elements, columns and header fields; keyed pseudonyms (HMAC-SHA-256)",
        "profile": ["DCM 113100", "DCM 113108"],
        "key_fingerprint": names.fingerprint,
        "written": counts.written,
        "left_out": counts.left_out,
    }
