"""The table of all tasks as text, from `summary.json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lungml.report.wording import number

HEADER = (
    "task",
    "weighted AUPRC (95 % interval)",
    "chance",
    "diameter only",
    "F1",
    "balanced accuracy",
    "version",
)


def table_rows(summary: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """One row per task, under `HEADER`; what is not defined or not registered is called so."""
    return [_row(task, numbers) for task, numbers in summary.items()]


def _row(task: str, numbers: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = numbers["weighted_auprc_low"], numbers["weighted_auprc_high"]
    interval = "" if low is None or high is None else f" ({number(low)} to {number(high)})"
    version = numbers["version"]
    return (
        task,
        f"{number(numbers['weighted_auprc'])}{interval}",
        number(numbers["weighted_auprc_chance"]),
        number(numbers.get("diameter_weighted_auprc")),
        number(numbers.get("f1_weighted")),
        number(numbers.get("balanced_accuracy")),
        "not registered" if version is None else str(version),
    )
