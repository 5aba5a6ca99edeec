"""The numbers of each task, flat: for `dvc metrics`, for the printed table and for the head of the report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lungml.report.collect import Json, TaskFiles
from lungml.report.trust.numbers import trust_numbers

HEADLINE = "weighted_auprc"


@dataclass(frozen=True)
class Row:
    """One line of the table of all tasks; None is not defined, or not known."""

    task: str
    n: int
    patients: int
    weights: str
    auprc: float | None
    low: float | None
    high: float | None
    chance: float | None
    diameter: float | None
    f1: float | None
    balanced_accuracy: float | None
    version: int | None


def row_of(found: TaskFiles) -> Row:
    """Pick a task's line out of its files."""
    metrics = found.metrics
    headline = number_of(metrics["raw"], HEADLINE)
    return Row(
        task=found.task.value,
        n=metrics["n"],
        patients=metrics["patients"],
        weights=metrics["weights"],
        auprc=headline["value"],
        low=headline["low"],
        high=headline["high"],
        chance=headline["chance"],
        diameter=number_of(metrics.get("baselines", {}).get("diameter", {}), HEADLINE)["value"],
        f1=number_of(metrics["raw"], "f1_weighted")["value"],
        balanced_accuracy=number_of(metrics["raw"], "balanced_accuracy")["value"],
        version=(found.registration or {}).get("version"),
    )


def number_of(values: Json, metric: str) -> dict[str, float | None]:
    """A metric's value, low, high, chance and skill; None for each that is not there."""
    found = values.get(metric) or {}
    return {part: found.get(part) for part in ("value", "low", "high", "chance", "skill")}


def cross_validated(found: TaskFiles) -> Json:
    """What a model of several folds gets out of fold on train and validation; empty for other models."""
    estimate: Json = ((found.training or {}).get("cross_validated") or {}).get("raw", {})
    return estimate


def summary(tasks: Iterable[TaskFiles]) -> dict[str, dict[str, Any]]:
    """Flat numbers of each task, for `dvc metrics show` and `dvc metrics diff`."""
    return {found.task.value: _flat(found) for found in tasks}


def _flat(found: TaskFiles) -> dict[str, Any]:
    metrics = found.metrics
    groups = {
        "": metrics["raw"],
        "tta_": metrics.get("tta", {}),
        "diameter_": metrics.get("baselines", {}).get("diameter", {}),
        "minus_diameter_": metrics["model_minus_diameter"],
        "cross_validated_": cross_validated(found),
        "cross_validated_minus_diameter_": metrics.get("cross_validated", {}).get("raw_minus_diameter", {}),
    }
    numbers: dict[str, Any] = {"n": metrics["n"], "patients": metrics["patients"]}
    for prefix, values in groups.items():
        for metric in sorted(values):
            numbers[f"{prefix}{metric}"] = values[metric]["value"]
    for name, values in metrics["baselines"].items():
        numbers[f"{name}_{HEADLINE}"] = number_of(values, HEADLINE)["value"]
    headline = number_of(metrics["raw"], HEADLINE)
    numbers |= {f"{HEADLINE}_{part}": headline[part] for part in ("low", "high", "chance", "skill")}
    numbers |= trust_numbers(found.trust, found.openings, found.comparisons)
    return numbers | {
        "random_weights": metrics["weights"].startswith("random"),
        "version": (found.registration or {}).get("version"),
    }
