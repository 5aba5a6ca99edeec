# mypy: disable-error-code="no-any-return"
"""Decision curves: what acting on a model gains over treating everyone or no one.

Source: Vickers & Elkin 2006, doi:10.1177/0272989X06295361.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from lungml.evaluation.ranking import FloatArray
from lungml.evaluation.shares import by_patient, mean_interval
from lungml.evaluation.suspicion import Suspicion

THRESHOLDS = tuple(step / 20 for step in range(1, 20))
"""Probabilities of malignancy from which one would act, 5 to 95 %."""


def decision_curve(test: Suspicion, confidence: float) -> dict[str, Any]:
    """Net benefit of acting on a model at each threshold, beside acting on everyone.

    The net benefit is the share of true positives less that of false ones, each weighted by the odds of the
    threshold; acting on no one has 0. It needs calibrated probabilities.

    Returns:
        points: one {threshold, model, treat_all, model_minus_all} per threshold, the model and the difference
        {value, low, high}; useful: the thresholds at which both intervals are above 0.
    """
    thresholds = np.array(THRESHOLDS)
    acted = test.score[:, None] >= thresholds
    gains = {
        "model": _gain(test, acted, thresholds),
        "treat_all": _gain(test, np.ones_like(acted), thresholds),
    }
    gains["model_minus_all"] = gains["model"] - gains["treat_all"]
    found = {name: _with_patients_left_out(gain, test.patient_ids) for name, gain in gains.items()}
    points = [
        {
            "threshold": threshold,
            "treat_all": float(found["treat_all"][0, number]),
            **{
                name: asdict(mean_interval(float(values[0, number]), values[1:, number], confidence))
                for name, values in found.items()
                if name != "treat_all"
            },
        }
        for number, threshold in enumerate(THRESHOLDS)
    ]
    return {"points": points, "useful": [point["threshold"] for point in points if _is_useful(point)]}


def _gain(test: Suspicion, acted: np.ndarray[Any, np.dtype[np.bool_]], thresholds: FloatArray) -> FloatArray:
    """(N, T): what each case adds to the net benefit."""
    malignant = test.malignant[:, None]
    return (acted & malignant) - (acted & ~malignant) * (thresholds / (1 - thresholds))


def _with_patients_left_out(gain: FloatArray, patient_ids: Any) -> FloatArray:
    """(1 + P, T): mean gain over all cases, then without the cases of each patient."""
    sums, counts = by_patient(gain, patient_ids), by_patient(np.ones(len(gain)), patient_ids)[:, None]
    left = counts.sum() - counts
    without = np.divide(sums.sum(axis=0) - sums, left, out=np.full_like(sums, np.nan), where=left > 0)
    return np.concatenate([gain.mean(axis=0)[None], without])


def _is_useful(point: dict[str, Any]) -> bool:
    return all(
        point[name]["low"] is not None and point[name]["low"] > 0 for name in ("model", "model_minus_all")
    )
