"""The ledger of the test part: each time a model was judged on it, who, when, why and what came out.

A test part that is looked at again and again becomes a second validation part: of several equal models the
best on test is better there by luck alone. So each opening is one line of JSON in `test-ledger.jsonl`, in the
project's root, under version control and outside everything that DVC restores. The same model on the same
split is one opening, however often it is measured, so that a rerun changes nothing.

Saved answers of two models can be compared without opening anything. That chooses by the test part too, so
it is a line of its own; the same two models are one such line for each purpose.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from lungml.errors import InputError, OutputError
from lungml.revision import git_tags, who

NAME = "test-ledger.jsonl"
"""In a project's root."""
REASON = "LUNGML_TEST_REASON"
"""Environment variable with the reason; it changes no result, so it is no parameter."""
Purpose = Literal["comparison", "gate"]
"""Why saved answers were compared: a person asked, or the promotion gate did."""


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


@dataclass(frozen=True)
class Comparison:
    """Another line of it: saved answers of two models on test nodules were held against each other."""

    task: str
    compared: list[str]
    """Checksums of the two bundles, in rising order."""
    purpose: Purpose
    when: str
    who: str
    git_commit: str
    git_dirty: str
    reason: str


def given_reason() -> str:
    """What `REASON` says, on one line; '' if it says nothing."""
    return " ".join(os.environ.get(REASON, "").split())


def read_openings(path: Path) -> list[Opening]:
    """Openings in the ledger in their order; a ledger that is not there is empty.

    Raises:
        InputError: a line is neither an opening nor a comparison.
    """
    return [line for line in _read(path) if isinstance(line, Opening)]


def read_comparisons(path: Path) -> list[Comparison]:
    """Comparisons in the ledger in their order; a ledger that is not there is empty.

    Raises:
        InputError: a line is neither an opening nor a comparison.
    """
    return [line for line in _read(path) if isinstance(line, Comparison)]


def enter(
    path: Path,
    sealed: Sealed,
    *,
    reason: str,
    metrics: dict[str, float | None],
    preregistered: dict[str, Any] | None,
) -> bool:
    """Add an opening to the ledger, unless just this was opened before; tells whether it did.

    Several stages may write at the same time: a line is one write at the end of the file.

    Raises:
        InputError: the ledger is damaged.
        OutputError: it cannot be written.
    """
    if any(opening.is_of(sealed) for opening in read_openings(path)):
        return False
    opening = Opening(**asdict(sealed), **_now(), reason=reason, metrics=metrics, preregistered=preregistered)
    _append(path, opening)
    return True


def enter_comparison(path: Path, task: str, bundles: tuple[str, str], purpose: Purpose) -> bool:
    """Add a comparison to the ledger, unless these two were compared for that before; tells whether it did.

    A model beside itself is no comparison.

    Args:
        path: of the ledger.
        task: of both models.
        bundles: their checksums.
        purpose: why.

    Raises:
        InputError: the ledger is damaged.
        OutputError: it cannot be written.
    """
    compared = sorted(bundles)
    known = [(line.task, line.compared, line.purpose) for line in read_comparisons(path)]
    if bundles[0] == bundles[1] or (task, compared, purpose) in known:
        return False
    _append(path, Comparison(task, compared, purpose, **_now(), reason=given_reason()))
    return True


def _now() -> dict[str, str]:
    return {"when": datetime.now(UTC).isoformat(timespec="seconds"), "who": who(), **git_tags()}


def _read(path: Path) -> list[Opening | Comparison]:
    if not path.is_file():
        return []
    found: list[Opening | Comparison] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(line)
            found.append(Comparison(**row) if "compared" in row else Opening(**row))
        except (ValueError, TypeError) as error:
            raise InputError(
                f"{path}, line {number} is no opening of the test part and no comparison on it; get the file "
                "back from version control, as it says how often the test part was looked at"
            ) from error
    return found


def _append(path: Path, entry: Opening | Comparison) -> None:
    line = json.dumps(asdict(entry), sort_keys=True, allow_nan=False) + "\n"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(handle, line.encode())
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror}. Nothing is judged or compared on the test part without "
            "an entry; make the project's folder writable and run the same command again"
        ) from error
