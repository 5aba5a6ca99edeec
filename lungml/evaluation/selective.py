# mypy: disable-error-code="no-any-return"
"""Selective prediction: how many errors are left if the model may leave the unsure cases to a person.

Source: El-Yaniv & Wiener 2010, jmlr.org/papers/v11/el-yaniv10a.html.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from lungml.evaluation.conformal import IDS
from lungml.evaluation.ranking import FloatArray
from lungml.evaluation.shares import share
from lungml.evaluation.tally import Cases

ABSTENTIONS = (0.0, 0.1, 0.2, 0.3, 0.5)
"""Shares of validation that are left to a person; each gives one threshold of confidence."""


def risk_coverage(cases: Cases) -> tuple[FloatArray, FloatArray]:
    """Share of cases answered, and share of wrong answers among them, as the surest ones are let in first.

    Cases of equal confidence come in together.

    Returns:
        (G,) and (G,): from the fewest answered to all.
    """
    confidence = cases.probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    wrong = np.cumsum((cases.predicted != cases.labels)[order])
    last = np.flatnonzero(np.append(np.diff(confidence[order]) != 0, True))
    return (last + 1) / len(order), wrong[last] / (last + 1)


def selective(known: Cases, test: Cases, patient_ids: IDS, confidence: float) -> dict[str, Any]:
    """Abstain below thresholds of confidence that were fixed on validation.

    Returns:
        area: under the risk-coverage curve on test, lower is better; area_without_order: what a confidence
        that says nothing would give (the share of wrong answers); points: one {abstained_on_validation,
        threshold, answered, wrong} per share, the last two {value, low, high, n, patients} on test.
    """
    sure = known.probabilities.max(axis=1)
    answers = test.probabilities.max(axis=1)
    wrong = test.predicted != test.labels
    points = []
    for abstained in ABSTENTIONS:
        threshold = float(np.quantile(sure, abstained, method="higher")) if abstained else 0.0
        answered = answers >= threshold
        points.append(
            {
                "abstained_on_validation": abstained,
                "threshold": threshold,
                "answered": asdict(share(answered, np.ones_like(answered), patient_ids, confidence)),
                "wrong": asdict(share(wrong, answered, patient_ids, confidence)),
            }
        )
    coverage, risk = risk_coverage(test)
    return {
        "area": float(np.sum(risk * np.diff(coverage, prepend=0.0))),
        "area_without_order": float(wrong.mean()),
        "points": points,
    }
