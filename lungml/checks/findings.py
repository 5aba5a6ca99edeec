"""What the audit finds, what of it a person has accepted, and the verdict. No patient is named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

import pandas as pd

from lungml.errors import ChecksFailedError
from lungml.faults import FAULTS
from lungml.params.audit import AcceptedFinding

_SHOWN = 5
PAIR_COLUMNS = ("first", "second", "view", "kind", "correlation", "parts", "code", "level")


class Level(StrEnum):
    """How bad a finding is."""

    ALARM = "alarm"
    """The result would be wrong: nothing is trained."""
    WARNING = "warning"
    """To be looked at; training goes on."""
    NOTE = "note"
    """Does no harm, such as copies inside one part."""
    ACCEPTED = "accepted"
    """An alarm or warning that a person has looked at."""


@dataclass(frozen=True)
class Likeness:
    """Two views that are alike, by nodule: the finding's first and second."""

    view: str
    kind: str
    correlation: float


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    `nodules` are sorted ids of nodules, `parts` the parts they are in, `found` says in words what there is,
    `reason` why it was accepted.
    """

    code: str
    level: Level
    nodules: tuple[str, ...]
    parts: tuple[str, ...]
    found: str
    likeness: Likeness | None = None
    reason: str = ""


def finding(code: str, level: Level, rows: pd.DataFrame, found: str) -> Finding:
    """A finding about the nodules of `rows`, which has columns nodule_id and part."""
    return Finding(
        code, level, tuple(sorted(set(rows["nodule_id"]))), tuple(sorted(set(rows["part"]))), found
    )


def accept(findings: Iterable[Finding], accepted: Sequence[AcceptedFinding]) -> list[Finding]:
    """The findings, those that a person has accepted marked as such with the reason."""
    return [_judged(item, accepted) for item in findings]


def unused(findings: Sequence[Finding], accepted: Sequence[AcceptedFinding]) -> list[AcceptedFinding]:
    """Accepted findings that there are not; they hint at a spelling mistake or at other data."""
    return [entry for entry in accepted if not any(_covers(entry, item) for item in findings)]


def audit_result(findings: Sequence[Finding], compared: dict[str, int]) -> dict[str, Any]:
    """The content of `result.json`."""
    counts = {level.value: sum(item.level is level for item in findings) for level in Level}
    return {
        "success": counts[Level.ALARM] == 0,
        "counts": counts,
        "compared": compared,
        "findings": [asdict(item) | {"what": FAULTS[item.code].what} for item in findings],
    }


def pairs_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """One row for each pair of views that are alike."""
    rows = [
        {
            "first": item.nodules[0],
            "second": item.nodules[-1],
            "view": item.likeness.view,
            "kind": item.likeness.kind,
            "correlation": round(item.likeness.correlation, 4),
            "parts": "+".join(item.parts),
            "code": item.code,
            "level": item.level.value,
        }
        for item in findings
        if item.likeness is not None
    ]
    return pd.DataFrame(rows, columns=list(PAIR_COLUMNS))


def sentences(findings: Iterable[Finding], level: Level) -> list[str]:
    """A sentence for each code that has findings of this level."""
    by_code: dict[str, list[Finding]] = {}
    for item in findings:
        if item.level is level:
            by_code.setdefault(item.code, []).append(item)
    return [_sentence(code, items) for code, items in sorted(by_code.items())]


def raise_if_alarmed(findings: Sequence[Finding], where: str) -> None:
    """Stop, with every code that has an alarm in one message.

    Raises:
        ChecksFailedError: there is an alarm.
    """
    alarms = sentences(findings, Level.ALARM)
    if alarms:
        lines = "\n".join(f"  {line}" for line in alarms)
        raise ChecksFailedError(
            f"the parts leak into each other:\n{lines}\nAll findings are in {where}. Mend the data, leave "
            "nodules out, or, if a finding does no harm, list it with the reason under audit.accepted in "
            "params.yaml; then run `dvc repro`"
        )


def _sentence(code: str, items: list[Finding]) -> str:
    shown = "; ".join(f"{', '.join(item.nodules[:_SHOWN])} ({item.found})" for item in items[:_SHOWN])
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return f"{code}: {FAULTS[code].what}: {shown}{more}. {FAULTS[code].advice}"


def _judged(item: Finding, accepted: Sequence[AcceptedFinding]) -> Finding:
    reasons = [entry.reason for entry in accepted if _covers(entry, item)]
    if item.level is Level.NOTE or not reasons:
        return item
    return replace(item, level=Level.ACCEPTED, reason=reasons[0])


def _covers(entry: AcceptedFinding, item: Finding) -> bool:
    return entry.code == item.code and (not entry.nodules or set(item.nodules) <= set(entry.nodules))
