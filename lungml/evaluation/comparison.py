# mypy: disable-error-code="no-any-return"
"""Whether one model is better than another on the same nodules.

Patients are drawn with replacement, both models are measured on each draw, and the spread of the difference
is put into Student's t with patients - 1 degrees of freedom. Two equally good models are called different in
3.6 to 6.4 % of 1,000 pairs (40 and 100 patients, two and five classes; weighted AUPRC, AUROC, accuracy, Brier
score); by the percentiles of the same draws in 4.8 to 6.9 %. `tests/evaluation/test_comparison.py` holds the
simulation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from lungml.evaluation.bootstrap import Draws, Resampled, resample
from lungml.evaluation.metrics import METRICS
from lungml.evaluation.tally import Cases

POWER = 0.8
"""Chance of showing a difference that is as large as `Difference.smallest`."""
_MOST_UNDEFINED = 0.05
"""Share of draws in which a metric may be undefined; beyond it too few patients decide."""


@dataclass(frozen=True)
class Difference:
    """A metric of one model minus that of another; None where it is not defined."""

    value: float | None
    low: float | None
    high: float | None
    p: float | None
    """Two-sided p-value of no difference."""
    smallest: float | None
    """The true difference that such a test part shows with a chance of `POWER`."""

    @property
    def interval(self) -> dict[str, float | None]:
        """Value, low and high alone."""
        return {"value": self.value, "low": self.low, "high": self.high}


def compare(first: Resampled, second: Resampled, name: str, confidence: float) -> Difference:
    """One metric of `first` minus that of `second`.

    Raises:
        ValueError: they were measured on other cases or other draws.
    """
    if first.draws is not second.draws or not np.array_equal(first.cases.labels, second.cases.labels):
        raise ValueError("only models measured on the same cases and the same draws can be compared")
    value = first.whole[name] - second.whole[name]
    gains = first.replicates[name] - second.replicates[name]
    if math.isnan(value) or first.draws.patients < 2 or np.isnan(gains).mean() > _MOST_UNDEFINED:
        return Difference(None if math.isnan(value) else value, None, None, None, None)
    freedom = first.draws.patients - 1
    # A draw of n patients spreads like a sum over n, an unbiased variance divides by n - 1.
    error = float(np.nanstd(gains)) * math.sqrt((freedom + 1) / freedom)
    reach = error * float(stdtrit(freedom, (1 + confidence) / 2))
    widest = METRICS[name].limits[1] - METRICS[name].limits[0]
    return Difference(
        value,
        max(value - reach, -widest),
        min(value + reach, widest),
        _p_value(value, error, freedom),
        reach + error * float(stdtrit(freedom, POWER)),
    )


def compare_cases(first: Cases, second: Cases, draws: Draws, name: str, confidence: float) -> Difference:
    """One metric of `first` minus that of `second`, both measured on `draws` of their patients."""
    return compare(resample(first, draws, (name,)), resample(second, draws, (name,)), name, confidence)


def holm(p_values: Mapping[str, float | None]) -> dict[str, float | None]:
    """Raise the p-values of a family of tests, so that all of its claims together are wrong in 5 % at most.

    What has no p-value is not in the family.

    Source: Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    known = sorted((p, name) for name, p in p_values.items() if p is not None)
    raised: dict[str, float | None] = dict.fromkeys(p_values)
    highest = 0.0
    for place, (p, name) in enumerate(known):
        highest = max(highest, min(1.0, (len(known) - place) * p))
        raised[name] = highest
    return raised


def in_words(value: float | None, p: float | None, confidence: float) -> str:
    """What a difference allows to say: `better`, `worse`, or `no difference shown`."""
    if value is None or p is None:
        return "too few patients to compare"
    if p >= 1 - confidence:
        return "no difference shown"
    return "better" if value > 0 else "worse"


def _p_value(value: float, error: float, freedom: int) -> float:
    if error == 0:
        return 1.0 if value == 0 else 0.0
    return float(2 * stdtr(freedom, -abs(value) / error))
