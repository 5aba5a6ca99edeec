"""The numbers of `metrics.json`: the model raw and with test-time views, its baselines, and what differs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from numpy.typing import ArrayLike

from lungml.evaluation.calibration import (
    brier,
    calibration_error,
    fit_temperature,
    null_error,
    with_temperature,
)
from lungml.evaluation.intervals import Jackknife, clustered_interval, jackknife, paired_interval
from lungml.evaluation.metrics import Measure, measure
from lungml.evaluation.tally import Cases
from lungml.params.evaluation import EvaluateParams

Values = dict[str, dict[str, float | None]]
"""Metric -> {value, low, high, ...}; null where one is not defined."""


@dataclass(frozen=True)
class Judged:
    """A model's answers on the test part and what they are worth."""

    cases: Cases
    measures: dict[str, Measure]
    left_out: Jackknife


def judge(cases: Cases, patient_ids: ArrayLike) -> Judged:
    """Measure a model on its cases (N), and with each patient left out."""
    return Judged(cases, measure(cases), jackknife(cases, patient_ids))


def values_of(judged: Judged, confidence: float) -> Values:
    """Each metric: value, low, high, chance, skill."""
    return {
        name: asdict(clustered_interval(judged.left_out, name, confidence)) | asdict(found)
        for name, found in judged.measures.items()
    }


def differences(first: Judged, second: Judged, confidence: float) -> Values:
    """Each metric of `first` minus that of `second`: value, low, high."""
    return {
        name: asdict(paired_interval(first.left_out, second.left_out, name, confidence))
        for name in first.measures
    }


def calibration_of(val: Cases, test: Cases, params: EvaluateParams) -> dict[str, Any]:
    """Brier score and calibration error on test, as trained and with a temperature fitted on validation."""
    temperature = fit_temperature(val)
    return {
        "raw": _calibration(test, params),
        "temperature": temperature,
        "scaled": _calibration(with_temperature(test, temperature), params),
        "bins": params.calibration_bins,
    }


def _calibration(cases: Cases, params: EvaluateParams) -> dict[str, float]:
    bins = params.calibration_bins
    null = null_error(cases, bins, draws=params.null_draws, seed=params.seed)
    return {
        "brier": brier(cases),
        "ece": calibration_error(cases, bins),
        "ece_null_mean": null.mean,
        "ece_null_high": null.high,
    }
