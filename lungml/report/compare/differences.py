"""What two runs were made with, where it is not the same: code, data, split, policy, parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lungml.report.compare.sides import UNKNOWN, Side

LINEAGE = {
    "git_commit": "code (git commit)",
    "git_dirty": "code changed since that commit",
    "data_sha256": "data",
    "split_sha256": "split",
    "params_sha256": "parameters",
    "weights": "initial weights",
    "bundle_sha256": "trained model",
}
"""Tag of a version -> its name on the page."""
_SHORT = 12


@dataclass(frozen=True)
class Differing:
    """What is not the same, and the names of what is."""

    rows: list[tuple[str, str, str]]
    """What, in the first run, in the second."""
    same: list[str]
    note: str
    """What cannot be told; '' if all can."""


def differing(first: Side, second: Side) -> Differing:
    """Compare what two runs of a task were made with."""
    lineage = [
        (name, _short(first.lineage.get(key, UNKNOWN)), _short(second.lineage.get(key, UNKNOWN)))
        for key, name in LINEAGE.items()
    ]
    rows = [row for row in lineage if row[1] != row[2]]
    same = [name for name, one, other in lineage if one == other != UNKNOWN]
    same += ["label policy"] if first.policy == second.policy != UNKNOWN else []
    return Differing(rows + _params(first.params, second.params), same, _note(first, second))


def _params(first: Mapping[str, str], second: Mapping[str, str]) -> list[tuple[str, str, str]]:
    if not first or not second:
        return []
    return [
        (name, first.get(name, UNKNOWN), second.get(name, UNKNOWN))
        for name in sorted({*first, *second})
        if first.get(name) != second.get(name)
    ]


def _note(first: Side, second: Side) -> str:
    without = [name for name, side in (("first", first), ("second", second)) if not side.params]
    if not without:
        return ""
    return (
        f"The {' and the '.join(without)} run has no record of its parameters (stage register), so they "
        "cannot be compared one by one."
    )


def _short(value: str) -> str:
    """A checksum by its start, anything else as it is."""
    is_checksum = len(value) >= 40 and all(letter in "0123456789abcdef" for letter in value)
    return value[:_SHORT] if is_checksum else value
