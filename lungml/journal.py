"""Finished series of an index that is still being made, so that a stopped run goes on where it was.

One JSON line a series in a file beside the output. A line counts only under the same parameters, the same
code and the same files (size and time of change); a torn last line, as a killed process leaves, is ignored.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import lungml
from lungml.files import sha256_file, sha256_json
from lungml.indexing import Rows, SeriesJob
from lungml.quarantine import Finding, finding_from


class Journal:
    """Rows of finished series, by the fingerprint of what they were made from.

    Args:
        path: of the file; it need not be there.
        made_with: what else the rows depend on, such as parameters; any JSON value.
    """

    def __init__(self, path: Path, made_with: Any) -> None:
        self._path = path
        self._made_with = sha256_json([made_with, _code_sha256()])
        self._stream: TextIO | None = None

    def finished(self, raw: Path, jobs: Sequence[SeriesJob]) -> dict[str, Rows]:
        """Rows of those of `jobs` that were finished before, by fingerprint."""
        wanted = {self.fingerprint(raw, job) for job in jobs}
        return {key: rows for key, rows in self._lines() if key in wanted}

    def fingerprint(self, raw: Path, job: SeriesJob) -> str:
        """What the rows of a job depend on, in short."""
        named = [header.path for header in job.headers] + [file.path for file in job.files]
        paths = sorted({path.split("#")[0] for path in named})
        states = [(raw / path).stat() for path in paths]
        facts = [[path, state.st_size, state.st_mtime_ns] for path, state in zip(paths, states, strict=True)]
        return sha256_json([self._made_with, facts])

    def keep(self, fingerprint: str, rows: Rows) -> None:
        """Add the rows of a finished series."""
        if self._stream is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = self._path.open("a", encoding="utf-8")
        findings = [asdict(item) for item in rows.findings]
        line = {"key": fingerprint, "tables": rows.tables, "findings": findings}
        self._stream.write(json.dumps(line, default=_plain) + "\n")
        self._stream.flush()

    def remove(self) -> None:
        """Forget everything: the output is whole."""
        self.close()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Leave the file as it is."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _lines(self) -> Iterable[tuple[str, Rows]]:
        if not self._path.is_file():
            return
        with self._path.open(encoding="utf-8") as stream:
            for line in stream:
                try:
                    entry = json.loads(line)
                    findings: list[Finding] = [finding_from(item) for item in entry["findings"]]
                    yield entry["key"], Rows(entry["tables"], findings)
                except (ValueError, KeyError, TypeError):
                    continue


def _code_sha256() -> str:
    """Checksum of lungml's own source files."""
    root = Path(lungml.__file__).parent
    files = sorted(Path(folder) / name for folder, _, names in os.walk(root) for name in names)
    return sha256_json([sha256_file(file) for file in files if file.suffix == ".py"])


def _plain(value: Any) -> Any:
    """Numpy arrays and numbers as JSON has them."""
    return value.tolist()
