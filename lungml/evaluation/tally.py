# mypy: disable-error-code="no-any-return"
"""Labelled cases, and what the metrics count of them, for many weightings of the same cases at once.

A bootstrap replicate is a weighting: how often each case is there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lungml.evaluation.ranking import (
    FloatArray,
    IntArray,
    Ranking,
    auroc,
    average_precision,
    count_found,
    rank,
)

_ROWS_AT_ONCE = 128
"""Weightings handled together; more fall out of the processor's cache."""


@dataclass(frozen=True)
class Cases:
    """Labelled cases and what a model says about them."""

    labels: IntArray
    """(N,): class index."""
    probabilities: FloatArray
    """(N, K)."""

    @property
    def classes(self) -> int:
        """K."""
        return self.probabilities.shape[1]

    @property
    def predicted(self) -> IntArray:
        """(N,): the most probable class; of equal ones the first."""
        return self.probabilities.argmax(axis=1)


@dataclass(frozen=True)
class Tally:
    """What the metrics are made of, for R weightings of the cases."""

    average_precision: FloatArray
    """(R, K): of each class against the rest; NaN for a class without cases."""
    auroc: FloatArray
    """(R, K): of each class against the rest; NaN for a class without cases, or with all of them."""
    confusion: FloatArray
    """(R, K, K): weight of the cases by true class (rows) and predicted class (columns)."""

    @property
    def shares(self) -> FloatArray:
        """(R, K): share of each true class."""
        counts = self.confusion.sum(axis=2)
        return counts / counts.sum(axis=1, keepdims=True)

    @property
    def majority(self) -> Tally:
        """The same cases, always answered with the most frequent class (of equal ones the first)."""
        counts = self.confusion.sum(axis=2)
        confusion = np.zeros_like(self.confusion)
        rows = np.arange(len(counts))
        confusion[rows, :, counts.argmax(axis=1)] = counts
        return Tally(np.where(counts > 0, self.shares, np.nan), np.full_like(self.auroc, 0.5), confusion)


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
    if weights is None:
        weights = np.ones((1, len(cases.labels)))
    members = cases.labels[:, None] == np.arange(cases.classes)
    rankings = [rank(column) for column in cases.probabilities.T]
    cells = (members[:, :, None] & (cases.predicted[:, None, None] == np.arange(cases.classes))).astype(float)
    parts = [weights[i : i + _ROWS_AT_ONCE] for i in range(0, len(weights), _ROWS_AT_ONCE)]
    areas = [_areas(ranking, member, parts) for ranking, member in zip(rankings, members.T, strict=True)]
    return Tally(
        np.stack([precision for precision, _ in areas], axis=1),
        np.stack([roc for _, roc in areas], axis=1),
        np.tensordot(weights, cells, axes=1),
    )


def _areas(
    ranking: Ranking, member: NDArray[np.bool_], parts: list[FloatArray]
) -> tuple[FloatArray, FloatArray]:
    """Average precision and AUROC of one class, (R,) each."""
    pairs = []
    for part in parts:
        found = count_found(ranking, member, part)
        pairs.append((average_precision(found), auroc(found)))
    precisions, rocs = (np.concatenate(column) for column in zip(*pairs, strict=True))
    return precisions, rocs
