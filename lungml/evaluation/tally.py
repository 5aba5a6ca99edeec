# mypy: disable-error-code="no-any-return"
"""Labelled cases, and what the metrics count of them, for many weightings of the same cases at once.

A bootstrap replicate is a weighting: how often each case is there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lungml.evaluation.odds import calibration_intercept, calibration_slope, log_odds
from lungml.evaluation.ranking import (
    FloatArray,
    IntArray,
    Ranking,
    auroc,
    average_precision,
    count_found,
    rank,
    rank_correlation,
)

FIRST_MALIGNANT = {2: 1, 5: 3}
"""Number of classes -> the first one that is malignant: scores 4 and 5 of the five."""
_DECIMALS = 12


@dataclass(frozen=True)
class Cases:
    """Labelled cases and what a model says about them; what is derived from them is derived once."""

    labels: IntArray
    """(N,): class index."""
    probabilities: FloatArray
    """(N, K)."""

    @property
    def classes(self) -> int:
        """K."""
        return self.probabilities.shape[1]

    @cached_property
    def predicted(self) -> IntArray:
        """(N,): the most probable class; of equal ones the first."""
        return self.probabilities.argmax(axis=1)

    @cached_property
    def members(self) -> NDArray[np.bool_]:
        """(N, K): whether a case is of a class."""
        return self.labels[:, None] == np.arange(self.classes)

    @cached_property
    def malignant(self) -> NDArray[np.bool_]:
        """(N,): whether a case is malignant; see `FIRST_MALIGNANT`."""
        return self.labels >= FIRST_MALIGNANT[self.classes]

    @cached_property
    def odds(self) -> FloatArray:
        """(N,): stated log odds of malignancy."""
        return log_odds(self.probabilities, FIRST_MALIGNANT[self.classes])

    @cached_property
    def rankings(self) -> list[Ranking]:
        """The cases by the probability of each of the K classes."""
        return [rank(column) for column in self.probabilities.T]

    @cached_property
    def by_expected_class(self) -> Ranking:
        """The cases by the mean of their distribution over the classes 0 to K - 1, equal but for rounding."""
        return rank((self.probabilities @ np.arange(self.classes, dtype=np.float64)).round(_DECIMALS))

    @cached_property
    def squared_errors(self) -> FloatArray:
        """(N,): squared distance between probabilities and truth, summed over classes; 0 to 2."""
        return ((self.probabilities - self.members) ** 2).sum(axis=1)

    @cached_property
    def cells(self) -> FloatArray:
        """(N, K, K): 1 at a case's true class (row) and predicted class (column)."""
        return (self.members[:, :, None] & (self.predicted[:, None, None] == np.arange(self.classes))) * 1.0


@dataclass(frozen=True, eq=False)
class Tally:
    """What the metrics are made of, for R weightings of N cases; counted when it is asked for."""

    cases: Cases
    weights: FloatArray
    """(R, N): how often each case is there, at least 0."""

    @cached_property
    def shares(self) -> FloatArray:
        """(R, K): share of each true class."""
        counts = self.weights @ self.cases.members
        return counts / counts.sum(axis=1, keepdims=True)

    @cached_property
    def confusion(self) -> FloatArray:
        """(R, K, K): weight of the cases by true class (rows) and predicted class (columns)."""
        return np.tensordot(self.weights, self.cases.cells, axes=1)

    @cached_property
    def _areas(self) -> list[tuple[FloatArray, FloatArray]]:
        """Average precision and AUROC of each class, (R,) each."""
        pairs = zip(self.cases.rankings, self.cases.members.T, strict=True)
        founds = (count_found(ranking, member, self.weights) for ranking, member in pairs)
        return [(average_precision(found), auroc(found)) for found in founds]

    @property
    def average_precision(self) -> FloatArray:
        """(R, K): of each class against the rest; NaN for a class without cases."""
        return np.stack([precision for precision, _ in self._areas], axis=1)

    @property
    def auroc(self) -> FloatArray:
        """(R, K): of each class against the rest; NaN for a class without cases, or with all of them."""
        return np.stack([area for _, area in self._areas], axis=1)

    @property
    def squared_error(self) -> FloatArray:
        """(R,): mean squared distance between probabilities and truth, summed over classes."""
        return self.weights @ self.cases.squared_errors / self.weights.sum(axis=1)

    @property
    def rank_correlation(self) -> FloatArray:
        """(R,): of the true class and the expected one; 0 for equal answers, NaN for equal classes."""
        return rank_correlation(self.cases.by_expected_class, self.cases.members, self.weights)

    @property
    def slope(self) -> FloatArray:
        """(R,): calibration slope of the odds of malignancy."""
        return calibration_slope(self.cases.odds, self.cases.malignant, self.weights)

    @property
    def intercept(self) -> FloatArray:
        """(R,): calibration intercept of the odds of malignancy."""
        return calibration_intercept(self.cases.odds, self.cases.malignant, self.weights)

    @property
    def constant(self) -> Tally:
        """The same cases, all answered alike: with the class shares, so with the most frequent class."""
        return _Constant(self.cases, self.weights)


class _Constant(Tally):
    @cached_property
    def confusion(self) -> FloatArray:
        counts = self.weights @ self.cases.members
        confusion = np.zeros((*counts.shape, counts.shape[1]))
        confusion[np.arange(len(counts)), :, counts.argmax(axis=1)] = counts
        return confusion

    @property
    def average_precision(self) -> FloatArray:
        return np.where(self.shares > 0, self.shares, np.nan)

    @property
    def auroc(self) -> FloatArray:
        return np.where((self.shares > 0) & (self.shares < 1), 0.5, np.nan)

    @property
    def squared_error(self) -> FloatArray:
        return 1 - (self.shares**2).sum(axis=1)

    @property
    def rank_correlation(self) -> FloatArray:
        return np.where(self.shares.max(axis=1) < 1, 0.0, np.nan)

    @property
    def slope(self) -> FloatArray:
        return np.full(len(self.weights), np.nan)

    @property
    def intercept(self) -> FloatArray:
        malignant = self.shares[:, FIRST_MALIGNANT[self.cases.classes] :].sum(axis=1)
        return np.where((malignant > 0) & (malignant < 1), 0.0, np.nan)


def check_cases(labels: ArrayLike, probabilities: ArrayLike) -> Cases:
    """Bring labels (N,) and probabilities (N, K) into the form the metrics take.

    Raises:
        ValueError: no cases, shapes that do not fit, a label outside 0..K-1, or a
            probability that is not finite.
    """
    truth = np.asarray(labels)
    scores = np.asarray(probabilities, dtype=np.float64)
    if truth.ndim != 1 or scores.ndim != 2 or len(truth) != len(scores) or scores.shape[1] < 2:
        raise ValueError(
            f"labels {truth.shape} and probabilities {scores.shape}: expected (N,) and (N, K), K > 1"
        )
    if not len(truth):
        raise ValueError("there are no cases to judge")
    if not np.isin(truth, np.arange(scores.shape[1])).all():
        raise ValueError(f"labels hold {sorted(set(truth.tolist()))}, expected 0 to {scores.shape[1] - 1}")
    if not np.isfinite(scores).all():
        raise ValueError(
            f"{int((~np.isfinite(scores)).any(axis=1).sum())} cases have probabilities not finite"
        )
    return Cases(truth.astype(np.int64), scores)


def tally(cases: Cases, weights: FloatArray | None = None) -> Tally:
    """Count what the metrics need.

    Args:
        cases: N of them, K classes.
        weights: (R, N), how often each case is there; default: each once (R = 1).
    """
    return Tally(cases, np.ones((1, len(cases.labels))) if weights is None else weights)
