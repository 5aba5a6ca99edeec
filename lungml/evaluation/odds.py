# mypy: disable-error-code="no-any-return"
"""Whether the odds of malignancy mean what they say: slope and intercept, for many weightings at once.

Both are logistic regressions of the truth on the stated log odds. Slope 1 and intercept 0 are perfect; a
slope below 1 says that the odds are too extreme, an intercept above 0 that they are too low.

Source: Cox 1958, doi:10.1093/biomet/45.3-4.562; Van Calster et al. 2019, doi:10.1186/s12916-019-1466-7.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lungml.evaluation.ranking import FloatArray

_STEPS = 100
_ENOUGH = 1e-8
"""Newton's last step; what is still lacking after it is about its square."""
_LARGEST_STEP = 4.0
_FARTHEST = 100.0
_TINY = float(np.finfo(float).tiny)

Truth = NDArray[np.bool_]


def log_odds(probabilities: FloatArray, first: int) -> FloatArray:
    """(N,): log odds of the classes from `first` on.

    Infinite where an answer is exactly 0 or 1, NaN where it is a score below 0 and no probability.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(probabilities[:, first:].sum(axis=1)) - np.log(probabilities[:, :first].sum(axis=1))


def calibration_slope(odds: FloatArray, truth: Truth, weights: FloatArray) -> FloatArray:
    """Slope of the logistic regression of `truth` (N,) on `odds` (N,), for `weights` (R, N).

    Returns:
        (R,); NaN where all odds are equal, one of them is infinite, or a threshold on them divides the
        classes without error: the slope is not finite then.
    """
    spread = odds.std() if np.isfinite(odds).all() else 0.0
    defined = _overlap(odds, truth, weights)
    slopes = np.full(len(weights), np.nan)
    if spread > _ENOUGH and defined.any():
        scaled, weights = (odds - odds.mean()) / spread, weights[defined]
        together = _fit_line(scaled, truth, weights.sum(axis=0, keepdims=True), np.zeros((1, 2)))
        slopes[defined] = _fit_line(scaled, truth, weights, together)[:, 1] / spread
    return slopes


def calibration_intercept(odds: FloatArray, truth: Truth, weights: FloatArray) -> FloatArray:
    """What must be added to `odds` (N,) so that as many are malignant as stated, for `weights` (R, N).

    Returns:
        (R,); NaN where one class has no weight or an answer is infinite.
    """
    positive = weights @ truth
    total = weights.sum(axis=1)
    defined = (positive > 0) & (positive < total) & np.isfinite(odds).all()
    intercepts = np.full(len(weights), np.nan)
    if defined.any():
        weights = weights[defined]
        together = _fit_offset(odds, truth, weights.sum(axis=0, keepdims=True), np.zeros(1))
        intercepts[defined] = _fit_offset(odds, truth, weights, together)
    return intercepts


def _overlap(odds: FloatArray, truth: Truth, weights: FloatArray) -> Truth:
    """(R,): whether no threshold divides the two classes, so that the slope is finite."""
    there = weights > 0
    lowest, highest = (
        [limit(np.where(there & side, odds, empty), axis=1) for side in (truth, ~truth)]
        for limit, empty in ((np.min, np.inf), (np.max, -np.inf))
    )
    return (lowest[0] < highest[1]) & (lowest[1] < highest[0])


def _fit_line(scaled: FloatArray, truth: Truth, weights: FloatArray, start: FloatArray) -> FloatArray:
    """(R, 2) intercept and slope, by Newton's method from `start` (R or 1, 2) on."""
    powers = np.column_stack([np.ones_like(scaled), scaled, scaled**2])
    line = np.repeat(start, len(weights), axis=0) if len(start) == 1 else start
    for _ in range(_STEPS):
        answers = _shares(line[:, :1] + line[:, 1:] * scaled)
        gradient = (weights * (truth - answers)) @ powers[:, :2]
        curve = (weights * (answers * (1 - answers))) @ powers
        step = _solve(curve, gradient)
        largest = np.abs(step).max(axis=1, keepdims=True)
        line = line + step * np.minimum(1, _LARGEST_STEP / np.maximum(largest, _ENOUGH))
        if (largest[:, 0] < _ENOUGH * np.maximum(1, np.abs(line).max(axis=1))).all():
            break
    return line


def _solve(curve: FloatArray, gradient: FloatArray) -> FloatArray:
    """(R, 2): `gradient` divided by the symmetric 2 x 2 matrices of which `curve` (R, 3) is the half."""
    determinant = curve[:, 0] * curve[:, 2] - curve[:, 1] ** 2
    adjoint = np.stack(
        [
            curve[:, 2] * gradient[:, 0] - curve[:, 1] * gradient[:, 1],
            curve[:, 0] * gradient[:, 1] - curve[:, 1] * gradient[:, 0],
        ],
        axis=1,
    )
    return adjoint / np.maximum(determinant, _TINY)[:, None]


def _fit_offset(odds: FloatArray, truth: Truth, weights: FloatArray, start: FloatArray) -> FloatArray:
    """(R,): where as many positives are stated as there are; Newton's steps inside a bracket."""
    positive = weights @ truth
    high = np.full(len(weights), _FARTHEST + np.abs(odds).max())
    low, offset = -high, np.repeat(start, len(weights) // len(start))
    for _ in range(_STEPS):
        answers = _shares(odds + offset[:, None])
        missing = positive - (weights * answers).sum(axis=1)
        low, high = np.where(missing > 0, offset, low), np.where(missing > 0, high, offset)
        slope = (weights * (answers * (1 - answers))).sum(axis=1)
        with np.errstate(over="ignore"):  # where it is flat the step leaves the bracket, which is then halved
            after = offset + missing / np.maximum(slope, _TINY)
        after = np.where((after >= low) & (after <= high), after, (low + high) / 2)
        done = (np.abs(after - offset) < _ENOUGH * np.maximum(1, np.abs(after))).all()
        offset = after
        if done:
            break
    return offset


def _shares(odds: FloatArray) -> FloatArray:
    """Shares of log odds; five times as fast as scipy's expit."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-odds))
