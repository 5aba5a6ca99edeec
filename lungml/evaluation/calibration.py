# mypy: disable-error-code="no-any-return"
"""Whether probabilities mean what they say, and one number that makes them do so.

The calibration error (ECE) of a small sample is well above 0 even for a perfectly calibrated model, so it is
always shown beside what perfect calibration would give.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungml.evaluation.ranking import FloatArray
from lungml.evaluation.tally import Cases

_SMALLEST = 1e-12
_TEMPERATURES = (0.05, 20.0)


@dataclass(frozen=True)
class Bin:
    """Cases of like confidence."""

    count: int
    confidence: float
    """Their mean confidence."""
    accuracy: float
    """The share of them answered rightly."""


@dataclass(frozen=True)
class NullError:
    """The calibration error that a perfectly calibrated model with these probabilities would show."""

    mean: float
    high: float
    """Its 95th percentile: a larger error is not chance."""


def brier(cases: Cases) -> float:
    """Mean squared distance between probabilities and truth, summed over classes: 0 to 2."""
    return float(((cases.probabilities - np.eye(cases.classes)[cases.labels]) ** 2).sum(axis=1).mean())


def reliability(cases: Cases, bins: int) -> list[Bin]:
    """Bins of as equal size as can be, by confidence in the predicted class, from the least confident on.

    Cases of equal confidence may fall in two bins; their order is that of the cases.
    """
    confidence, right = _confidence(cases), cases.predicted == cases.labels
    groups = np.array_split(np.argsort(confidence, kind="stable"), min(bins, len(right)))
    return [Bin(len(group), float(confidence[group].mean()), float(right[group].mean())) for group in groups]


def calibration_error(cases: Cases, bins: int) -> float:
    """Mean distance of confidence and accuracy over `reliability`'s bins, weighted by their size (ECE)."""
    return float(_errors(_confidence(cases), (cases.predicted == cases.labels)[None], bins)[0])


def null_error(cases: Cases, bins: int, *, draws: int, seed: int) -> NullError:
    """Draw truth from the probabilities themselves, so that they are perfectly calibrated, and measure."""
    confidence = _confidence(cases)
    right = np.random.default_rng(seed).random((draws, len(confidence))) < confidence
    errors = _errors(confidence, right, bins)
    return NullError(float(errors.mean()), float(np.quantile(errors, 0.95)))


def fit_temperature(cases: Cases) -> float:
    """The temperature that makes these labels most likely; fit it on validation, never on test.

    Returns:
        0.05 to 20; above 1 the probabilities are over-confident.

    Source: Guo et al. 2017, arXiv 1706.04599.
    """
    from scipy.optimize import minimize_scalar

    log_temperature = minimize_scalar(
        lambda log: _log_loss(with_temperature(cases, float(np.exp(log)))),
        bounds=tuple(np.log(_TEMPERATURES)),
        method="bounded",
        options={"xatol": 1e-6},
    ).x
    return float(np.exp(log_temperature))


def with_temperature(cases: Cases, temperature: float) -> Cases:
    """Divide the logits by `temperature`; the predicted classes stay the same."""
    logits = np.log(np.maximum(cases.probabilities, _SMALLEST)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return Cases(cases.labels, powers / powers.sum(axis=1, keepdims=True))


def _confidence(cases: Cases) -> FloatArray:
    return cases.probabilities.max(axis=1)


def _errors(confidence: FloatArray, right: NDArray[np.bool_], bins: int) -> FloatArray:
    """(R,) calibration errors for R rows of right or wrong answers (R, N)."""
    order = np.argsort(confidence, kind="stable")
    gaps = confidence[order] - right[:, order]
    starts = [group[0] for group in np.array_split(np.arange(len(order)), min(bins, len(order)))]
    return np.abs(np.add.reduceat(gaps, starts, axis=1)).sum(axis=1) / len(order)


def _log_loss(cases: Cases) -> float:
    chosen = cases.probabilities[np.arange(len(cases.labels)), cases.labels]
    return float(-np.log(np.maximum(chosen, _SMALLEST)).mean())
