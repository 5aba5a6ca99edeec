"""Does a stated probability of malignancy come true, and what the Brier score is made of."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from lungml.evaluation.shares import share
from lungml.evaluation.suspicion import Suspicion


def reliability_bins(suspicion: Suspicion, bins: int, confidence: float) -> list[dict[str, Any]]:
    """Bins of as equal size as can be, by stated probability, the lowest first.

    Returns:
        One {stated, true} per bin: mean stated probability, and share of malignant cases {value, low, high,
        n, patients}.
    """
    groups = np.array_split(np.argsort(suspicion.score, kind="stable"), min(bins, len(suspicion)))
    found = []
    for group in groups:
        inside = np.zeros(len(suspicion), dtype=np.bool_)
        inside[group] = True
        true = share(suspicion.malignant, inside, suspicion.patient_ids, confidence)
        found.append({"stated": float(suspicion.score[group].mean()), "true": asdict(true)})
    return found


def brier_parts(suspicion: Suspicion) -> dict[str, float]:
    """Mean squared distance of stated probability and truth, and what it is made of.

    Returns:
        score = uncertainty - discrimination + miscalibration. Uncertainty is that of always stating the share
        of malignant cases; discrimination is what a perfect recalibration that keeps the order would gain
        over it, miscalibration what is lost for want of it.

    Source: Dimitriadis et al. 2021, doi:10.1073/pnas.2016191118; no bins are chosen.
    """
    from sklearn.isotonic import isotonic_regression

    truth = suspicion.malignant.astype(np.float64)
    order = np.lexsort((-truth, suspicion.score))
    tied = np.searchsorted(np.unique(suspicion.score), suspicion.score[order])
    means = np.bincount(tied, truth[order]) / np.bincount(tied)
    best = isotonic_regression(means, sample_weight=np.bincount(tied).astype(np.float64))[tied]
    score = float(((suspicion.score - truth) ** 2).mean())
    recalibrated = float(((best - truth[order]) ** 2).mean())
    uncertainty = float(truth.var())
    return {
        "score": score,
        "uncertainty": uncertainty,
        "discrimination": uncertainty - recalibrated,
        "miscalibration": score - recalibrated,
    }
