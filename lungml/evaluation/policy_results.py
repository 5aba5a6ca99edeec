"""The same answers judged under each label policy: how far the result is the policy's doing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from lungml.evaluation.results import judge, values_of
from lungml.evaluation.tally import Cases
from lungml.labels import LEFT_OUT, POLICIES, labels_of, policy_sha256
from lungml.params.data import LabelParams
from lungml.terms import Target

OWN = "params.yaml"
SHOWN = ("weighted_auprc", "auroc")


def under_policies(
    nodules: pd.DataFrame, answers: Cases, *, target: Target, labels: LabelParams, confidence: float
) -> list[dict[str, Any]]:
    """Judge a model under each of `POLICIES`, and under its own if that has no name.

    The model was trained under its own policy; a nodule that policy left out is not among the answers.

    Args:
        nodules: rows of table NODULES, one per answer and in their order.
        answers: N cases; their labels do not matter.
        target: what the model predicts.
        labels: the policy it was trained under.
        confidence: of the intervals.

    Returns:
        Rows {policy, sha256, in_force, n, patients, malignant, weighted_auprc, auroc}; malignant is the share
        of nodules with score 4 or 5, the metrics {value, low, high, chance, skill}. They are None where fewer
        than two classes are left. Rows are of different questions, so they are no ranking.
    """
    own = policy_sha256(labels)
    named = any(policy_sha256(params) == own for params in POLICIES.values())
    table = POLICIES if named else POLICIES | {OWN: labels}
    return [
        {"policy": name, "sha256": policy_sha256(params), "in_force": policy_sha256(params) == own}
        | _judged(nodules, labels_of(nodules, params)[target.value].to_numpy(), answers, confidence)
        for name, params in table.items()
    ]


def _judged(
    nodules: pd.DataFrame, classes: np.ndarray[Any, np.dtype[np.int8]], answers: Cases, confidence: float
) -> dict[str, Any]:
    kept = classes != LEFT_OUT
    truth = classes[kept].astype(np.int64)
    patients = nodules["patient_id"].to_numpy()[kept]
    first = 1 if answers.classes == 2 else 3
    row = {
        "n": len(truth),
        "patients": len(np.unique(patients)),
        "malignant": float((truth >= first).mean()) if len(truth) else None,
    }
    if len(np.unique(truth)) < 2:
        return row | dict.fromkeys(SHOWN)
    values = values_of(judge(Cases(truth, answers.probabilities[kept]), patients), confidence)
    return row | {name: values[name] for name in SHOWN}
