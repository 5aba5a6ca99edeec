# mypy: disable-error-code="no-any-return"
"""Calibration as a line: slope and intercept of the truth on the log odds that a model states.

A slope below 1 is over-confidence, above 1 under-confidence; an intercept below 0 says malignant too often.

Source: Cox 1958, doi:10.1093/biomet/45.3-4.562; Van Calster et al. 2019, doi:10.1186/s12916-019-1466-7.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit

from lungml.evaluation.intervals import Interval
from lungml.evaluation.ranking import FloatArray
from lungml.evaluation.shares import mean_interval
from lungml.evaluation.suspicion import Suspicion

_SURE = 1e-6
_STEPS, _CLOSE = 60, 1e-8
_RIDGE = 1e-12


@dataclass(frozen=True)
class Line:
    """Both are None where the classes can be told apart without error, or one is missing."""

    slope: Interval
    intercept: Interval
    """With the slope held at 1 (calibration in the large)."""


def calibration_line(suspicion: Suspicion, confidence: float) -> Line:
    """Slope and intercept with intervals that leave out one patient at a time.

    Probabilities nearer than 1e-6 to 0 and 1 are drawn in, as their log odds have no end.
    """
    odds = logit(np.clip(suspicion.score, _SURE, 1 - _SURE))
    _, patients = np.unique(suspicion.patient_ids, return_inverse=True)
    without = (patients != np.arange(patients.max() + 1)[:, None]).astype(np.float64)
    truth, ones = suspicion.malignant.astype(np.float64), np.ones_like(odds)
    scale = float(odds.std()) or 1.0
    fits = (
        (np.stack([ones, (odds - odds.mean()) / scale], axis=1), np.zeros_like(odds), scale),
        (ones[:, None], odds, 1.0),
    )
    found = []
    for features, offset, unit in fits:
        whole = _fit(features, offset, truth, ones[None], np.zeros((1, features.shape[1])))
        left_out = _fit(features, offset, truth, without, np.tile(whole, (len(without), 1)))
        found.append(mean_interval(float(whole[0, -1]) / unit, left_out[:, -1] / unit, confidence))
    return Line(*found)


def _fit(
    features: FloatArray, offset: FloatArray, truth: FloatArray, weights: FloatArray, start: FloatArray
) -> FloatArray:
    """(R, F): logistic regression of truth (N,) on features (N, F), once for each row of weights (R, N).

    Newton's method on all rows at once from `start` (R, F); NaN where it finds no end.
    """
    found = start
    for _ in range(_STEPS):
        stated = expit(offset + found @ features.T)
        gradient = (weights * (truth - stated)) @ features
        pairs = (features[:, :, None] * features[:, None]).reshape(len(features), -1)
        curvature = ((weights * stated * (1 - stated)) @ pairs).reshape(len(found), *[features.shape[1]] * 2)
        ridge = _RIDGE * np.eye(features.shape[1])
        step = np.clip(np.linalg.solve(curvature + ridge, gradient[..., None])[..., 0], -1.0, 1.0)
        found = found + step
        ended = np.abs(step).max(axis=1) < _CLOSE
        if ended.all():
            break
    return np.where(ended[:, None], found, np.nan)
