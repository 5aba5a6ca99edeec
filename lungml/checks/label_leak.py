"""How well something that should know nothing of the label tells it, on patients it was not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from lungml.evaluation.intervals import jackknife, share_bounds, standard_error, student_t
from lungml.evaluation.tally import check_cases

_FOLDS = 5
_SEED = 0
_PER_BIN, _MOST_BINS = 25, 12
_LEAST_OF_A_CLASS = 10


@dataclass(frozen=True)
class Foretold:
    """Area under the ROC curve, and its interval over patients."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"AUC {self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def foretold(
    score: ArrayLike, labels: NDArray[np.int8], patients: NDArray[np.object_], confidence: float
) -> Foretold | None:
    """How well a score (N,) tells labels (N,) of 0 and 1; None where there are too few to say.

    Args:
        score: higher for label 1.
        labels: 0 or 1.
        patients: (N,); the interval takes them as the unit of chance.
        confidence: of the interval.
    """
    values = np.asarray(score, dtype=np.float64)
    if np.bincount(labels, minlength=2).min() < _LEAST_OF_A_CLASS:
        return None
    cases = check_cases(labels, np.column_stack([-values, values]))
    left_out = jackknife(cases, patients, ("auroc",))
    value, without = left_out.whole["auroc"], left_out.without["auroc"]
    if len(without) < 2 or np.isnan(without).any():
        return None
    return Foretold(value, *_bounds(value, without, confidence))


def _bounds(value: float, without: NDArray[np.float64], confidence: float) -> tuple[float, float]:
    """Student's t with patients - 1 degrees of freedom, but as wide at least as for a perfect value.

    `clustered_interval` counts the patients who have a say. Of a leak that one nodule alone lacks that is
    one, and at the confidence of a thousand pixels nothing could then be said of it.
    """
    perfect, _ = share_bounds(1.0, without, confidence)
    reach = max(student_t(len(without), confidence) * standard_error(without), 1 - perfect)
    return max(value - reach, 0.0), min(value + reach, 1.0)


def score_of_others(
    features: Sequence[NDArray[np.generic]], labels: NDArray[np.int8], patients: NDArray[np.object_]
) -> NDArray[np.float64]:
    """(N,) log odds of label 1 by naive Bayes, each patient's from the labels of other patients.

    Args:
        features: (N,) each: numbers (cut into bins of equal count) or names; -1 and '' are values too.
        labels: (N,), 0 or 1.
        patients: (N,).
    """
    names, patient = np.unique(patients.astype(str), return_inverse=True)
    fold = np.random.default_rng(_SEED).permutation(len(names))[patient] % _FOLDS
    score = np.zeros(len(labels))
    for feature in features:
        value = _categories(feature)
        for held in range(_FOLDS):
            score[fold == held] += _log_odds(value[fold != held], labels[fold != held], value[fold == held])
    return score


def score_of_words(
    words: Sequence[frozenset[str]], labels: NDArray[np.int8], patients: NDArray[np.object_]
) -> NDArray[np.float64]:
    """The same for sets of words: each word that two patients share is a feature, there or not."""
    frame = pd.DataFrame({"word": [sorted(own) for own in words], "patient": patients}).explode("word")
    holders = frame.groupby("word")["patient"].nunique()
    shared = holders.index[(holders > 1) & (holders < len(set(patients)))]
    return score_of_others([np.array([word in own for own in words]) for word in shared], labels, patients)


def _categories(feature: NDArray[np.generic]) -> NDArray[np.intp]:
    """(N,) number of each value's bin or name, from 0; a missing number is -1."""
    if not np.issubdtype(feature.dtype, np.number):
        return np.asarray(np.unique(feature.astype(str), return_inverse=True)[1], np.intp)
    values = feature.astype(np.float64)
    known = values[np.isfinite(values)]
    if not len(known):
        return np.full(len(values), -1)
    bins = int(np.clip(len(known) // _PER_BIN, 2, _MOST_BINS))
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1]))
    return np.where(np.isfinite(values), np.searchsorted(edges, values, side="left"), -1)


def _log_odds(
    known: NDArray[np.intp], labels: NDArray[np.int8], asked: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Of each asked value; one seen in no label, or in no other patient, says nothing."""
    size = int(max(known.max(initial=0), asked.max(initial=0))) + 2
    ones, zeros = (np.bincount(known[labels == label] + 1, minlength=size) for label in (1, 0))
    share_one, share_zero = ((count + 0.5) / (count.sum() + 1) for count in (ones, zeros))
    odds = np.where(ones + zeros > 0, np.log(share_one / share_zero), 0.0)
    return odds[asked + 1]
