"""Where the nodules went: series in, set aside, nodules, parts; for the report's data flow."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from lungml.exclusions import excluded_in_words
from lungml.faults import FAULTS
from lungml.report.collect import Cohort, Json
from lungml.terms import Part, Target


@dataclass(frozen=True)
class Step:
    """One box of the flow."""

    what: str
    count: int
    note: str = ""


@dataclass(frozen=True)
class PartRow:
    """One part of the split; `classes` holds the number of nodules of each class, by target."""

    part: str
    patients: int
    nodules: int
    classes: dict[Target, list[int]]
    left_out: dict[Target, int]


@dataclass(frozen=True)
class Suite:
    """One suite of checks; a failed check stops the pipeline, a warning does not."""

    name: str
    checks: int
    failed: list[str]
    warnings: list[str]


def steps(cohort: Cohort) -> list[Step]:
    """From series to labelled nodules."""
    index, split = cohort.index, cohort.split
    quarantined = index.get("quarantined", {})
    without_label = index["nodules"] - len(split)
    return [
        Step("series read", index["series"], f"{index['patients']} patients"),
        Step("set aside with a reason", sum(quarantined.values()), _quarantine_note(quarantined)),
        Step("marks of readers", index["readings"]),
        Step("nodules of at least 3 mm", index["nodules"], "marks of several readers joined into one"),
        Step("nodules with a score", len(split), _left_out_note(without_label)),
        Step("of them excluded", cohort.excluded["n"], excluded_in_words(cohort.excluded)),
    ]


def part_rows(split: pd.DataFrame) -> list[PartRow]:
    """Patients, nodules and classes of train, val and test."""
    return [_part_row(part, split[split["part"] == part]) for part in Part]


def suites(checks: Json) -> list[Suite]:
    """What was checked and what does not hold."""
    return [_suite(suite) for suite in checks["suites"]]


def _part_row(part: Part, rows: pd.DataFrame) -> PartRow:
    classes = {
        target: [int((rows[target] == number).sum()) for number in range(len(target.class_names))]
        for target in Target
    }
    return PartRow(
        part=part.value,
        patients=int(rows["patient_id"].nunique()),
        nodules=len(rows),
        classes=classes,
        left_out={target: int((rows[target] < 0).sum()) for target in Target},
    )


def _quarantine_note(quarantined: Json) -> str:
    reasons = (
        f"{FAULTS[code].what if code in FAULTS else code} ({code}): {count}"
        for code, count in sorted(quarantined.items())
    )
    return "; ".join(reasons)


def _left_out_note(count: int) -> str:
    return f"{count} left out by the label policy" if count else "none left out by the label policy"


def _suite(suite: Json) -> Suite:
    broken = [check for check in suite["checks"] if not check["success"]]
    mild = [check for check in broken if check.get("severity") == "warning"]
    grave = [check for check in broken if check.get("severity") != "warning"]
    return Suite(suite["name"], len(suite["checks"]), [*map(_failure, grave)], [*map(_failure, mild)])


def _failure(check: Json) -> str:
    what = check.get("expected") or check["expectation"]
    where = f"{check['column']}: " if check.get("column") else ""
    found = (
        f"; found {check['found']}" if check.get("found") else f"; {check['unexpected_count']} rows differ"
    )
    return f"{where}expected that {what}{found}"
