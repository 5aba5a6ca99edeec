"""Ways to repair probabilities, which one is used, and how far off they are as a line.

Everything is fitted on validation. Which way is used is also decided there, by folds of patients: judged on
the cases it was fitted on, the most flexible one would always win.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lungml.evaluation.calibration import brier, fit_temperature, with_temperature
from lungml.evaluation.conformal import IDS
from lungml.evaluation.ranking import FloatArray
from lungml.evaluation.tally import Cases

Calibrator = Callable[[Cases], Cases]
_FOLDS = 5


def _as_trained(known: Cases) -> Calibrator:  # noqa: ARG001
    return lambda cases: cases


def _temperature(known: Cases) -> Calibrator:
    temperature = fit_temperature(known)
    return lambda cases: with_temperature(cases, temperature)


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
