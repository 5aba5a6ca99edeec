# mypy: disable-error-code="no-any-return"
"""What a table of results holds beside the model: answers from less than the model was given.

On LIDC's public nodule table the diameter alone reaches a weighted AUPRC of 0.908; a model that is not above
its own diameter row has not used the image. A model that is not above the rows without the nodule, or above
the file's metadata, has not shown that it uses the nodule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lungml.evaluation.ranking import FloatArray, IntArray
from lungml.params.model import ScreenParams
from lungml.screening import reduce_features


@dataclass(frozen=True)
class Lesson:
    """What a baseline may learn from, and what it must answer."""

    known: FloatArray
    """(n, D) features of train and validation; NaN where one is not known."""
    labels: IntArray
    """(n,): their classes, 0 to `classes` - 1."""
    new: FloatArray
    """(m, D): those to answer."""
    classes: int
    params: ScreenParams
    """Number of principal components and penalty, as the probes of screening have them."""


Answer = Callable[[Lesson], FloatArray]
"""Probabilities (m, classes) of what is new."""


def _majority(lesson: Lesson) -> FloatArray:
    return np.tile(np.eye(lesson.classes)[_shares(lesson).argmax()], (len(lesson.new), 1))


def _prevalence(lesson: Lesson) -> FloatArray:
    return np.tile(_shares(lesson), (len(lesson.new), 1))


def _logistic(lesson: Lesson) -> FloatArray:
    """Logistic regression (multinomial from three classes on) on standardised principal components.

    Classes are not weighted, so its probabilities mean what they say.
    """
    from sklearn.linear_model import LogisticRegression

    known, new = _filled(lesson.known, lesson.new)
    if len(np.unique(lesson.labels)) < 2 or not known.std(axis=0).any():
        return _prevalence(lesson)
    fit, rows = reduce_features(known, new, lesson.params.components)
    model = LogisticRegression(C=lesson.params.inverse_penalty, max_iter=1000).fit(fit, lesson.labels)
    probabilities = np.zeros((len(new), lesson.classes))
    probabilities[:, model.classes_] = model.predict_proba(rows)
    return probabilities


BASELINES: dict[str, Answer] = {
    "majority": _majority,
    "prevalence": _prevalence,
    "diameter": _logistic,
    "diameter_hu": _logistic,
    "metadata": _logistic,
    "mask_out": _logistic,
    "background": _logistic,
    "random_features": _logistic,
    "frozen_features": _logistic,
}
"""Name in the tables of results -> baseline, in their order."""
BLIND = frozenset({"majority", "prevalence"})
"""Those that look at nothing, so take features of no columns."""


def size_features(nodules: pd.DataFrame, usual_mm: float) -> FloatArray:
    """(n, 1): log of the diameter; where it is unknown, of `usual_mm` (NaN if none is known)."""
    filled = nodules[["diameter_mm"]].fillna(1.0 if np.isnan(usual_mm) else usual_mm)
    return np.log(filled.to_numpy(dtype=np.float64))


def _shares(lesson: Lesson) -> FloatArray:
    return np.bincount(lesson.labels, minlength=lesson.classes) / len(lesson.labels)


def _filled(known: FloatArray, new: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Put the median of what is known where a feature is not, 0 where nobody's is."""
    usual = np.zeros(known.shape[1])
    some = np.isfinite(known).any(axis=0)
    usual[some] = np.nanmedian(known[:, some], axis=0)
    filled, asked = (np.where(np.isfinite(part), part, usual) for part in (known, new))
    return filled, asked
