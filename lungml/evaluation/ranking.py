"""Average precision and area under the ROC curve for many weightings of the same cases at once.

A bootstrap replicate is a whole number of copies of each case. The cases are sorted once; each replicate then
costs two cumulative sums instead of a sort, which is what makes thousands of replicates cheap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Ranking:
    """Cases from the highest score to the lowest; equal scores form one group, as they share a threshold."""

    order: IntArray
    """(N,): case at each rank."""
    last: IntArray
    """(G,): rank of the last case of each group of equal scores."""


def rank(scores: FloatArray) -> Ranking:
    """Sort `scores` (N,), N at least 1."""
    order = np.argsort(-scores, kind="stable")
    is_last = np.append(np.diff(scores[order]) != 0, True)
    return Ranking(order, np.flatnonzero(is_last))


@dataclass(frozen=True)
class Found:
    """What is found down to each of G thresholds, from the highest on, for R weightings."""

    positives: FloatArray
    """(R, G): weight of the positive cases."""
    cases: FloatArray
    """(R, G): weight of all cases."""


def count_found(ranking: Ranking, positive: NDArray[np.bool_], weights: FloatArray) -> Found:
    """Count the positives and all cases down to each threshold.

    Args:
        ranking: of N cases.
        positive: (N,).
        weights: (R, N), at least 0; one row is one weighting of the cases.
    """
    ranked = weights[:, ranking.order]
    cases = np.cumsum(ranked, axis=1)[:, ranking.last]
    positives = np.cumsum(ranked * positive[ranking.order], axis=1)[:, ranking.last]
    return Found(positives, cases)


def average_precision(found: Found) -> FloatArray:
    """Sum over thresholds of the gain in recall times the precision there; no interpolation.

    Returns:
        (R,), NaN where no positive case has weight.

    Source: the definition of sklearn.metrics.average_precision_score.
    """
    hits = found.positives
    gained = np.diff(hits, axis=1, prepend=0.0)
    precision = np.divide(hits, found.cases, out=np.zeros_like(hits), where=found.cases > 0)
    return _ratio((gained * precision).sum(axis=1), hits[:, -1])


def auroc(found: Found) -> FloatArray:
    """Chance that a positive case scores above a negative one; a tie counts half.

    Returns:
        (R,), NaN where no positive or no negative case has weight.
    """
    hits, false = found.positives, found.cases - found.positives
    steps = np.diff(false, axis=1, prepend=0.0)
    before = np.concatenate([np.zeros((len(hits), 1)), hits[:, :-1]], axis=1)
    return _ratio((steps * (hits + before)).sum(axis=1), 2.0 * hits[:, -1] * false[:, -1])


def rank_correlation(ranking: Ranking, members: NDArray[np.bool_], weights: FloatArray) -> FloatArray:
    """Spearman's correlation of the ranked scores with the class, equal values sharing their mean rank.

    Args:
        ranking: of N cases, from the highest score on.
        members: (N, K), whether a case is of a class; the classes are in rising order.
        weights: (R, N), at least 0.

    Returns:
        (R,): 0 where all scores are equal, NaN where all classes are.

    Source: the definition of scipy.stats.spearmanr.
    """
    ranked, ordered = weights[:, ranking.order], members[ranking.order].astype(np.float64)
    of_score = _mid_ranks(np.cumsum(ranked, axis=1)[:, ranking.last])
    in_group = np.repeat(-of_score, np.diff(ranking.last, prepend=-1), axis=1)
    counts = ranked @ ordered
    of_class = _mid_ranks(np.cumsum(counts, axis=1))
    covariance = (((ranked * in_group) @ ordered) * of_class).sum(axis=1)
    below = np.sqrt((ranked * in_group**2).sum(axis=1) * (counts * of_class**2).sum(axis=1))
    value = np.divide(covariance, below, out=np.zeros_like(below), where=below > 0)
    return np.where(counts.max(axis=1) < counts.sum(axis=1), value, np.nan)


def _mid_ranks(running: FloatArray) -> FloatArray:
    """Mean rank of each group, less the mean of all, from the running sums (R, G) of their weights."""
    before = np.concatenate([np.zeros((len(running), 1)), running[:, :-1]], axis=1)
    return (before + running - running[:, -1:]) / 2


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)
