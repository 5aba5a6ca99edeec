"""Finished series of an index that is still being made, so that a stopped run goes on where it was.

One JSON line a series in a file beside the output. A line counts only under the same parameters, the same
code and the same files (size and time of change); a torn last line, as a killed process leaves, is ignored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lungml.ct.paths import split_frame
from lungml.files import code_sha256, sha256_json
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
        self._made_with = sha256_json([made_with, code_sha256()])

    def finished(self, fingerprints: Iterable[str]) -> dict[str, Rows]:
        """Rows of those series that were finished before, by fingerprint."""
        wanted = set(fingerprints)
        return {key: rows for key, rows in self._lines() if key in wanted}

    def fingerprint(self, raw: Path, job: SeriesJob) -> str:
        """What the rows of a job depend on, in short."""
        facts = [[path, *_state(raw / split_frame(path)[0])] for path in sorted(job.paths)]
        return sha256_json([self._made_with, facts])

    def keep(self, fingerprint: str, rows: Rows) -> None:
        """Add the rows of a finished series."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        findings = [asdict(item) for item in rows.findings]
        line = {"key": fingerprint, "tables": rows.tables, "findings": findings}
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line, default=_plain) + "\n")

    def remove(self) -> None:
        """Forget everything: the output is whole."""
        self._path.unlink(missing_ok=True)

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


def _state(path: Path) -> tuple[int, int]:
    """Size and time of change in ns; of a file that has gone (its series will be set aside), zeros."""
    try:
        state = path.stat()
    except OSError:
        return 0, 0
    return state.st_size, state.st_mtime_ns


def _plain(value: Any) -> Any:
    """Numpy arrays and numbers as JSON has them."""
    return value.tolist()
