"""The ledger of the test part: each time a model was judged on it, who, when, why and what came out.

A test part that is looked at again and again becomes a second validation part: of several equal models the
best on test is better there by luck alone. So each opening is one line of JSON in `test-ledger.jsonl`, in the
project's root, under version control and outside everything that DVC restores. The same model on the same
split is one opening, however often it is measured, so that a rerun changes nothing.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lungml.errors import InputError, OutputError
from lungml.revision import git_tags, who


@dataclass(frozen=True)
class Sealed:
    """What is to be opened: a model of a task on the test part of a split."""

    task: str
    split_sha256: str
    bundle_sha256: str


@dataclass(frozen=True)
class Opening:
    """One line of the ledger."""

    task: str
    split_sha256: str
    bundle_sha256: str
    when: str
    """UTC, ISO 8601, to the second."""
    who: str
    """See `revision.who`; names nobody."""
    git_commit: str
    git_dirty: str
    reason: str
    """'' if none was given."""
    metrics: dict[str, float | None]
    preregistered: dict[str, Any] | None
    """What was registered before, with `deviations`; None without a registration."""

    def is_of(self, sealed: Sealed) -> bool:
        """Whether it opened just this."""
        return (self.task, self.split_sha256, self.bundle_sha256) == (
            sealed.task,
            sealed.split_sha256,
            sealed.bundle_sha256,
        )


def read_openings(path: Path) -> list[Opening]:
    """Lines of the ledger in their order; a ledger that is not there is empty.

    Raises:
        InputError: a line is no opening.
    """
    if not path.is_file():
        return []
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            found.append(Opening(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise InputError(
                f"{path}, line {number} is no opening of the test part; get the file back from version "
                "control, as it says how often the test part was looked at"
            ) from error
    return found


def enter(
    path: Path,
    sealed: Sealed,
    *,
    reason: str,
    metrics: dict[str, float | None],
    preregistered: dict[str, Any] | None,
) -> bool:
    """Add a line to the ledger, unless just this was opened before; tells whether it did.

    Several stages may write at the same time: a line is one write at the end of the file.

    Raises:
        InputError: the ledger is damaged.
        OutputError: it cannot be written.
    """
    if any(opening.is_of(sealed) for opening in read_openings(path)):
        return False
    opening = Opening(
        **asdict(sealed),
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        who=who(),
        **git_tags(),
        reason=reason,
        metrics=metrics,
        preregistered=preregistered,
    )
    line = json.dumps(asdict(opening), sort_keys=True, allow_nan=False) + "\n"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, line.encode())
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror}. The test part is not opened without an entry; make the "
            "project's folder writable and run the same command again"
        ) from error
    return True
