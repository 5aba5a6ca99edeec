"""The ledger of what was wrong with the input: `quarantine.jsonl`, one JSON line per item.

A finding names no patient: paths are masked by `PathMask` before they are written, and UIDs are hashed.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from lungml.errors import InputError, MissingInputError
from lungml.faults import FAULTS, Action
from lungml.files import write_text


@dataclass(frozen=True, order=True, slots=True)
class Finding:
    """One thing found wrong, and what was done about it.

    `path` is relative to the raw folder; of a series it is the first of its files. `found` and `expected`
    are values; `text` is the whole sentence for a person.
    """

    code: str
    path: str
    found: str
    expected: str
    action: Action
    text: str


class RefusedError(InputError):
    """A file or series that cannot be used; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"{finding.code} {finding.path}: {finding.text}")
        self.finding = finding

    def __reduce__(self) -> tuple[type[RefusedError], tuple[Finding]]:
        return type(self), (self.finding,)


def finding(code: str, path: str, found: str, expected: str = "") -> Finding:
    """Describe one occurrence of the catalogued fault `code`.

    Raises:
        KeyError: `code` is not in the catalogue `FAULTS`.
    """
    return Finding(code, path, found, expected, FAULTS[code].action, _sentence(code, found, expected))


@lru_cache(maxsize=1024)
def _sentence(code: str, found: str, expected: str) -> str:
    """Remembered, as a million stray files have one sentence."""
    fault = FAULTS[code]
    wanted = f", expected {expected}" if expected else ""
    return f"{fault.what}: found {found}{wanted}. {fault.done}. {fault.advice}."


def finding_from(values: Any) -> Finding:
    """The finding that `asdict` turned into `values`."""
    return Finding(**{**values, "action": Action(values["action"])})


def hashed_uid(uid: str) -> str:
    """A short name for a UID that can be matched but not read back."""
    return hashlib.sha256(uid.encode()).hexdigest()[:12]


class PathMask:
    """Hides the parts of a path that hold a patient's name or id (of any patient in the cohort)."""

    def __init__(self, identities: Iterable[str]) -> None:
        self._words = sorted({word.casefold() for word in identities if len(word) >= _SHORTEST_IDENTITY})

    def __call__(self, path: str) -> str:
        return "/".join(self._mask(part) for part in path.split("/"))

    def _mask(self, part: str) -> str:
        folded = part.casefold()
        if not any(word in folded for word in self._words):
            return part
        return f"hidden-{hashlib.sha256(part.encode()).hexdigest()[:8]}{Path(part).suffix[:5]}"


_SHORTEST_IDENTITY = 3
"""Shorter words would hide parts of nearly every path."""


def masked(findings: Iterable[Finding], mask: PathMask) -> list[Finding]:
    """The findings with their paths masked, sorted."""
    return sorted(replace(item, path=mask(item.path)) for item in findings)


def counts(findings: Iterable[Finding], action: Action) -> dict[str, int]:
    """How many findings of each code led to `action`."""
    return dict(sorted(Counter(item.code for item in findings if item.action == action).items()))


def write_findings(path: Path, findings: Iterable[Finding]) -> None:
    """Write the ledger, sorted, as a whole or not at all."""
    write_text(path, "".join(json.dumps(asdict(item), sort_keys=True) + "\n" for item in sorted(findings)))


def read_findings(path: Path) -> list[Finding]:
    """Read a ledger.

    Raises:
        MissingInputError: there is none.
        InputError: a line is not a finding.
    """
    if not path.is_file():
        raise MissingInputError(f"{path} is not there; run `lungml index` (or `dvc repro index`)")
    return [_parse(line, path, number) for number, line in enumerate(path.read_text().splitlines(), start=1)]


def _parse(line: str, path: Path, number: int) -> Finding:
    try:
        return finding_from(json.loads(line))
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{path}, line {number} is not a finding ({error}); delete it and run `dvc repro`"
        ) from error
