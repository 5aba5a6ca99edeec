# mypy: disable-error-code="no-any-return"
"""DeLong's test of two areas under ROC curves on the same cases.

It takes every case as independent, which nodules of one patient are not, so its p-value is too small on
clustered data. It stands beside the bootstrap over patients because readers of papers ask for it.

Source: DeLong et al. 1988, doi:10.2307/2531595; by mid-ranks, Sun & Xu 2014, doi:10.1109/LSP.2014.2337313.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import rankdata

from lungml.evaluation.ranking import FloatArray


@dataclass(frozen=True)
class DeLong:
    """Two areas, how far their difference may be by chance, and the two-sided p-value of no difference."""

    first: float
    second: float
    standard_error: float
    p: float | None
    """None where the areas cannot differ: both models rank all cases alike."""


def delong(truth: NDArray[np.bool_], first: FloatArray, second: FloatArray) -> DeLong:
    """Compare two scores (N,) of the same N cases.

    Raises:
        ValueError: fewer than two cases of a class, so no variance can be had.
    """
    if min(truth.sum(), (~truth).sum()) < 2:
        raise ValueError(f"{int(truth.sum())} of {len(truth)} cases are positive; each class needs two")
    parts = [_components(truth, score) for score in (first, second)]
    areas = [float(positive.mean()) for positive, _ in parts]
    gains = [one - other for one, other in zip(*parts, strict=True)]
    error = float(np.sqrt(sum(gain.var(ddof=1) / len(gain) for gain in gains)))
    p = float(2 * ndtr(-abs(areas[0] - areas[1]) / error)) if error > 0 else None
    return DeLong(areas[0], areas[1], error, p)


def _components(truth: NDArray[np.bool_], score: FloatArray) -> tuple[FloatArray, FloatArray]:
    """For each positive the share of negatives below it; for each negative, of positives above it."""
    overall = rankdata(score)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    below = (overall[truth] - rankdata(score[truth])) / negatives
    above = 1 - (overall[~truth] - rankdata(score[~truth])) / positives
    return below, above
