# mypy: disable-error-code="no-any-return"
"""The metrics as functions of a `Tally`: (R,) values for R weightings, NaN where one is not defined.

Macro means run over the classes that have cases, as scikit-learn's do; `f1_macro` also over those predicted.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lungml.evaluation.ranking import FloatArray, IntArray
from lungml.evaluation.tally import Tally


def weighted_auprc(counts: Tally) -> FloatArray:
    """Average precision of each class against the rest, weighted by its share."""
    return np.nansum(counts.shares * counts.average_precision, axis=1)


def macro_auprc(counts: Tally) -> FloatArray:
    """Mean over classes of the average precision against the rest."""
    return _mean_of_present(counts.average_precision, counts)


def auprc_of(number: int) -> Callable[[Tally], FloatArray]:
    """Average precision of one class against the rest."""

    def auprc(counts: Tally) -> FloatArray:
        return counts.average_precision[:, number]

    return auprc


def auroc(counts: Tally) -> FloatArray:
    """Mean over classes of the area under the ROC curve against the rest."""
    return _mean_of_present(counts.auroc, counts)


def f1_weighted(counts: Tally) -> FloatArray:
    """F1 of each class, weighted by its share."""
    return (counts.shares * _f1_of_each(counts)).sum(axis=1)


def f1_macro(counts: Tally) -> FloatArray:
    """Mean of F1 over the classes that are there or predicted."""
    seen = counts.confusion.sum(axis=1) + counts.confusion.sum(axis=2) > 0
    return _f1_of_each(counts).sum(axis=1) / seen.sum(axis=1)


def _f1_of_each(counts: Tally) -> FloatArray:
    """(R, K); a class neither there nor predicted has 0."""
    hits = np.einsum("rkk->rk", counts.confusion)
    both = counts.confusion.sum(axis=1) + counts.confusion.sum(axis=2)
    return np.divide(2 * hits, both, out=np.zeros_like(hits), where=both > 0)


def accuracy(counts: Tally) -> FloatArray:
    """Share of cases whose most probable class is the true one."""
    return np.einsum("rkk->r", counts.confusion) / counts.confusion.sum(axis=(1, 2))


def balanced_accuracy(counts: Tally) -> FloatArray:
    """Mean over classes of the share of its cases that are found."""
    hits, cases = np.einsum("rkk->rk", counts.confusion), counts.confusion.sum(axis=2)
    return _mean_of_present(np.divide(hits, cases, out=np.zeros_like(hits), where=cases > 0), counts)


def mcc(counts: Tally) -> FloatArray:
    """Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006; 0 for a constant answer."""
    true, predicted = counts.confusion.sum(axis=2), counts.confusion.sum(axis=1)
    total = true.sum(axis=1)
    covariance = np.einsum("rkk->r", counts.confusion) * total - (true * predicted).sum(axis=1)
    of_true, of_predicted = (total**2 - (part**2).sum(axis=1) for part in (true, predicted))
    below = np.sqrt(of_true * of_predicted)
    value = np.divide(covariance, below, out=np.zeros_like(below), where=below > 0)
    return np.where(of_true > 0, value, np.nan)


def qwk(counts: Tally) -> FloatArray:
    """Cohen's kappa with squared distances between classes, Cohen 1968, doi:10.1037/h0026256."""
    true, predicted = counts.confusion.sum(axis=2), counts.confusion.sum(axis=1)
    squared = _distances(counts) ** 2
    found = (squared * counts.confusion).sum(axis=(1, 2)) * true.sum(axis=1)
    expected = np.einsum("ri,ij,rj->r", true, squared, predicted)
    return 1 - np.divide(found, expected, out=np.full_like(found, np.nan), where=expected > 0)


def mae(counts: Tally) -> FloatArray:
    """Mean distance, in classes, between the most probable class and the true one."""
    return (_distances(counts) * counts.confusion).sum(axis=(1, 2)) / counts.confusion.sum(axis=(1, 2))


def mae_macro(counts: Tally) -> FloatArray:
    """Mean over classes of their mean distance, Baccianella et al. 2009, doi:10.1109/ISDA.2009.230."""
    cases = counts.confusion.sum(axis=2)
    total = (_distances(counts) * counts.confusion).sum(axis=2)
    return _mean_of_present(np.divide(total, cases, out=np.zeros_like(total), where=cases > 0), counts)


def within_one(counts: Tally) -> FloatArray:
    """Share of cases whose most probable class is the true one or a neighbour of it."""
    near = (_distances(counts) <= 1) * counts.confusion
    return near.sum(axis=(1, 2)) / counts.confusion.sum(axis=(1, 2))


def spearman(counts: Tally) -> FloatArray:
    """Rank correlation of the true class with the expected one (mean of the answer's distribution)."""
    return counts.rank_correlation


def brier(counts: Tally) -> FloatArray:
    """Mean squared distance between probabilities and truth, summed over classes: 0 to 2."""
    return counts.squared_error


def calibration_slope(counts: Tally) -> FloatArray:
    """Slope of the odds of malignancy: below 1 they are too extreme."""
    return counts.slope


def calibration_intercept(counts: Tally) -> FloatArray:
    """What the log odds of malignancy lack: above 0 they are too low."""
    return counts.intercept


def _distances(counts: Tally) -> IntArray:
    """(K, K): how many classes lie between."""
    classes = np.arange(counts.cases.classes)
    return np.abs(classes[:, None] - classes)


def _mean_of_present(values: FloatArray, counts: Tally) -> FloatArray:
    """Mean over the classes that have cases; NaN where fewer than two have."""
    present = counts.shares > 0
    number = present.sum(axis=1)
    total = np.where(present, values, 0.0).sum(axis=1)
    return np.divide(total, number, out=np.full_like(total, np.nan), where=number > 1)
