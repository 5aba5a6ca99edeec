"""The metrics of the reports, each with its chance level and skill.

The headline is the weighted AUPRC: average precision of each class against the rest, weighted by the share
of the class. Its chance level is the sum of squared shares, which is far above 0.5 for unbalanced binary
labels; so no value is shown without its chance level.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lungml.evaluation import scores
from lungml.evaluation.ranking import FloatArray
from lungml.evaluation.tally import FIRST_MALIGNANT, Cases, Tally, check_cases, tally
from lungml.terms import Target


@dataclass(frozen=True)
class Metric:
    """A metric; its chance level is what one constant answer gets, the class shares of the cases."""

    value: Callable[[Tally], FloatArray]
    """(R,), NaN where it is not defined."""
    best: float = 1.0
    """The value of a perfect model."""
    limits: tuple[float, float] = (0.0, 1.0)
    """Lowest and highest value there can be."""
    ordinal: bool = False
    """Whether it needs ordered classes, so is for the five-point target only."""
    classes: tuple[int, ...] = ()
    """The numbers of classes it is for; none named: any."""

    def chance(self, counts: Tally) -> FloatArray:
        """(R,): what one constant answer gets; NaN where nothing is defined for that."""
        return self.value(counts.constant)


@dataclass(frozen=True)
class Measure:
    """One metric's result; None where it is not defined."""

    value: float | None
    chance: float | None
    skill: float | None
    """(value - chance) / (best - chance): 0 without information, 1 for a perfect model."""


HEADLINE = "weighted_auprc"
_MALIGNANT = tuple(FIRST_MALIGNANT)
_ANY = (-math.inf, math.inf)

METRICS = {
    "weighted_auprc": Metric(scores.weighted_auprc),
    "macro_auprc": Metric(scores.macro_auprc),
    **{
        f"auprc_{name.split()[0]}": Metric(scores.auprc_of(number), classes=(len(target.class_names),))
        for target in Target
        for number, name in enumerate(target.class_names)
    },
    "auroc": Metric(scores.auroc),
    "f1_weighted": Metric(scores.f1_weighted),
    "f1_macro": Metric(scores.f1_macro),
    "accuracy": Metric(scores.accuracy),
    "balanced_accuracy": Metric(scores.balanced_accuracy),
    "mcc": Metric(scores.mcc, limits=(-1.0, 1.0)),
    "qwk": Metric(scores.qwk, limits=(-1.0, 1.0), ordinal=True),
    "spearman": Metric(scores.spearman, limits=(-1.0, 1.0), ordinal=True),
    "within_one": Metric(scores.within_one, ordinal=True),
    "mae": Metric(scores.mae, best=0.0, limits=(0.0, 4.0), ordinal=True),
    "mae_macro": Metric(scores.mae_macro, best=0.0, limits=(0.0, 4.0), ordinal=True),
    "brier": Metric(scores.brier, best=0.0, limits=(0.0, 2.0)),
    "calibration_slope": Metric(scores.calibration_slope, limits=_ANY, classes=_MALIGNANT),
    "calibration_intercept": Metric(scores.calibration_intercept, best=0.0, limits=_ANY, classes=_MALIGNANT),
}
"""Name -> metric, the headline first."""

Values = dict[str, FloatArray]
"""Metric -> (R,) values; NaN where one is not defined."""


def weighted_auprc(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Measure the headline: average precision of each class against the rest, weighted by its share.

    Args:
        labels: (N,) class indices.
        probabilities: (N, K); only their order within a class matters.

    Returns:
        0 to 1. Without information it is the sum of squared shares; with one class present it is 1.

    Raises:
        ValueError: see `check_cases`.
    """
    cases = check_cases(labels, probabilities)
    return float(METRICS["weighted_auprc"].value(tally(cases))[0])


def measure(cases: Cases) -> dict[str, Measure]:
    """Every metric that fits the classes, with chance level and skill."""
    counts = tally(cases)
    return {name: _measure(metric, counts) for name, metric in metrics_for(cases.classes).items()}


def metrics_for(classes: int) -> dict[str, Metric]:
    """Find the metrics that fit this number of classes: those for ordered classes from three on."""
    return {
        name: metric
        for name, metric in METRICS.items()
        if (classes > 2 or not metric.ordinal) and (not metric.classes or classes in metric.classes)
    }


def values(cases: Cases, weights: FloatArray, names: Collection[str] | None = None) -> Values:
    """Measure N cases once for each of the weightings `weights` (R, N).

    Args:
        cases: N of them.
        weights: (R, N), how often each case is there.
        names: of the metrics; all that fit by default.
    """
    metrics = {name: each for name, each in metrics_for(cases.classes).items() if not names or name in names}
    rows = [weights[start : start + _ROWS_AT_ONCE] for start in range(0, len(weights), _ROWS_AT_ONCE)]
    parts = [_row(metrics, tally(cases, each)) for each in rows]
    return {name: np.concatenate([part[name] for part in parts]) for name in metrics}


_ROWS_AT_ONCE = 64
"""Weightings handled together; more fall out of the processor's cache."""


def _row(metrics: dict[str, Metric], counts: Tally) -> Values:
    return {name: metric.value(counts) for name, metric in metrics.items()}


def _measure(metric: Metric, counts: Tally) -> Measure:
    value, chance = (float(part(counts)[0]) for part in (metric.value, metric.chance))
    skill = (value - chance) / (metric.best - chance) if chance != metric.best else math.nan
    return Measure(*(None if math.isnan(number) else float(number) for number in (value, chance, skill)))
