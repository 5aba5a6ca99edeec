"""Ways to repair probabilities, which one is used, and how far off they are as a line.

Everything is fitted on validation. Which way is used is also decided there, by folds of patients: judged on
the cases it was fitted on, the most flexible one would always win.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, softmax

from lungml.evaluation.calibration import brier, fit_temperature, with_temperature
from lungml.evaluation.conformal import IDS
from lungml.evaluation.ranking import FloatArray
from lungml.evaluation.tally import Cases

Calibrator = Callable[[Cases], Cases]
_FOLDS = 5
_SMALLEST = 1e-12
_RIDGE, _STEEPEST = 0.05, 20.0


def _as_trained(known: Cases) -> Calibrator:  # noqa: ARG001
    return lambda cases: cases


def _temperature(known: Cases) -> Calibrator:
    temperature = fit_temperature(known)
    return lambda cases: with_temperature(cases, temperature)


def _shift(known: Cases) -> Calibrator:
    """A temperature, and a number for each class that is added to its logit: of two classes Platt's line.

    The one way that mends a model trained on another mix of classes, such as an up-sampled one. The numbers
    are drawn towards 0 a little, so that a class without cases has an end.

    Source: Alexandari et al. 2020, arXiv 1901.06852 (bias-corrected temperature scaling).
    """
    from scipy.optimize import minimize

    logits, rows = _logits(known), np.arange(len(known.labels))

    def loss(numbers: FloatArray) -> float:
        moved = logits * np.exp(numbers[0]) + numbers[1:]
        stated = moved - logsumexp(moved, axis=1, keepdims=True)
        return float(-stated[rows, known.labels].sum() + _RIDGE * (numbers[1:] ** 2).sum())

    ends = [(-np.log(_STEEPEST), np.log(_STEEPEST)), *[(None, None)] * known.classes]
    best = minimize(loss, np.zeros(known.classes + 1), method="L-BFGS-B", bounds=ends).x
    return lambda cases: Cases(cases.labels, softmax(_logits(cases) * np.exp(best[0]) + best[1:], axis=1))


def _logits(cases: Cases) -> FloatArray:
    return np.asarray(np.log(np.maximum(cases.probabilities, _SMALLEST)))


def _isotonic(known: Cases) -> Calibrator:
    """A rising staircase for each class against the rest, then scaled to sum to 1.

    Where all stairs are at 0 the shares of the classes in `known` stand in.

    Source: Zadrozny & Elkan 2002, doi:10.1145/775047.775151.
    """
    from sklearn.isotonic import IsotonicRegression

    stairs = [
        IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip").fit(column, known.labels == number)
        for number, column in enumerate(known.probabilities.T)
    ]
    shares = np.bincount(known.labels, minlength=known.classes) / len(known.labels)

    def repair(cases: Cases) -> Cases:
        raised = np.stack(
            [stair.predict(column) for stair, column in zip(stairs, cases.probabilities.T, strict=True)],
            axis=1,
        )
        sums = raised.sum(axis=1, keepdims=True)
        scaled = np.divide(raised, sums, out=np.tile(shares, (len(raised), 1)), where=sums > 0)
        return Cases(cases.labels, scaled)

    return repair


CALIBRATORS: dict[str, Callable[[Cases], Calibrator]] = {
    "as trained": _as_trained,
    "temperature": _temperature,
    "temperature and shift": _shift,
    "isotonic": _isotonic,
}
"""Name -> fit on validation; the simplest first."""


@dataclass(frozen=True)
class Choice:
    """Which of `CALIBRATORS` is used; `brier` has the cross-validated score of each, lower is better."""

    chosen: str
    brier: dict[str, float]


def choose_calibrator(known: Cases, patient_ids: IDS, *, seed: int) -> Choice:
    """Compare the ways on validation, each fitted without the patients it is judged on.

    Of equal ones the simplest is chosen.
    """
    _, patients = np.unique(patient_ids, return_inverse=True)
    count = patients.max() + 1
    fold = (np.random.default_rng(seed).permutation(count) % min(_FOLDS, count))[patients]
    scores = {name: _left_out_brier(known, fit, fold) for name, fit in CALIBRATORS.items()}
    return Choice(min(scores, key=scores.__getitem__), scores)


def _left_out_brier(known: Cases, fit: Callable[[Cases], Calibrator], fold: FloatArray) -> float:
    answers = known.probabilities.copy()
    for number in np.unique(fold):
        inside = fold == number
        if not inside.all():
            repair = fit(Cases(known.labels[~inside], known.probabilities[~inside]))
            answers[inside] = repair(Cases(known.labels[inside], known.probabilities[inside])).probabilities
    return brier(Cases(known.labels, answers))
