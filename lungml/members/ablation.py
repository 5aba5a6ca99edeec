"""An ablation on out-of-fold answers: what each variant of a model is worth alone, and what it changes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lungml.evaluation.intervals import paired_interval
from lungml.evaluation.metrics import HEADLINE
from lungml.evaluation.results import Judged, Values, values_of
from lungml.members.outcome import CONFIDENCE, judged, out_of_fold
from lungml.members.plan import Job

TOGETHER = "all together"
"""How the mean answer of all variants is called beside them."""


def ablate(job: Job) -> dict[str, Any]:
    """Judge each variant alone, and beside the one that changes nothing; {} if there is only one.

    Returns:
        `unchanged`: the name of the variant that changes nothing, null if none does. `by_variant`: of each
        variant, and of the mean answer of all (`TOGETHER`), for `raw` and `tta` every metric's value, low,
        high, chance and skill, and for `raw_minus_unchanged` and `tta_minus_unchanged` value, low and high of
        the paired difference over patients, not corrected for the number of variants.
    """
    if len(job.variants) == 1:
        return {}
    alone = {name: out_of_fold(job, name) for name in job.variants} | {TOGETHER: out_of_fold(job)}
    answers = {name: judged(table) for name, table in alone.items() if table is not None}
    unchanged = next((name for name, change in job.finetune.variants.items() if not change), None)
    found = {name: _values(each) for name, each in answers.items()}
    if unchanged is not None:
        for name in answers.keys() - {unchanged}:
            found[name] |= _minus(answers[name], answers[unchanged])
    return {"unchanged": unchanged, "by_variant": found}


def ablation_lines(found: dict[str, Any]) -> list[str]:
    """A line a variant: weighted AUPRC of the mean over test-time views, and what it is more or less."""
    lines = []
    for name, values in found.get("by_variant", {}).items():
        change = values.get("tta_minus_unchanged", {}).get(HEADLINE)
        beside = "" if change is None else f"; minus {found['unchanged']}: {_in_words(change, '+.3f')}"
        lines.append(f"{name}: weighted AUPRC {_in_words(values['tta'][HEADLINE], '.3f')}{beside}")
    return lines


def _values(found: dict[str, Judged]) -> dict[str, Values]:
    return {name: values_of(each, CONFIDENCE) for name, each in found.items()}


def _minus(first: dict[str, Judged], second: dict[str, Judged]) -> dict[str, Values]:
    return {
        f"{name}_minus_unchanged": {
            metric: asdict(paired_interval(each.left_out, second[name].left_out, metric, CONFIDENCE))
            for metric in each.measures
        }
        for name, each in first.items()
    }


def _in_words(number: dict[str, float | None], form: str) -> str:
    value, low, high = (number[part] for part in ("value", "low", "high"))
    if value is None:
        return "not defined"
    return format(value, form) + ("" if low is None or high is None else f" ({low:{form}} to {high:{form}})")
