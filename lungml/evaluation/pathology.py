"""A model of readers' scores held against what patients turned out to have: a table of its own.

Diagnoses are of patients, so a patient's highest answer counts. The rating itself, and the diameter, are
judged the same way: a model cannot be blamed for what the readers it learnt from did not see.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from lungml.evaluation.bootstrap import draw_patients
from lungml.evaluation.comparison import compare_cases
from lungml.evaluation.intervals import clustered_interval, jackknife
from lungml.evaluation.suspicion import Suspicion
from lungml.evaluation.tally import Cases
from lungml.params.evaluation import EvaluateParams

SMALL = 20
"""With fewer patients of either kind the figures are called small."""
_BENIGN, _MALIGNANT = (1,), (2, 3)


def against_diagnoses(
    test: Suspicion, nodules: pd.DataFrame, diagnoses: pd.DataFrame, params: EvaluateParams
) -> dict[str, Any] | None:
    """AUROC of malignant or benign patients by the highest answer of each.

    Args:
        test: N cases.
        nodules: N rows in the same order, with diameter_mm and scores.
        diagnoses: from `diagnoses.parse_diagnoses`.
        params: confidence of the intervals, and how patients are drawn for the difference.

    Returns:
        None if no diagnosis is given; else given (rows), unknown (test patients whose diagnosis is unknown),
        patients and malignant (that count), small; auroc: model, diameter and readers {value, low, high};
        model_minus_readers; None where one of the two kinds is missing.
    """
    if diagnoses.empty:
        return None
    patients = _highest(test, nodules).merge(diagnoses, on="patient_id")
    known = patients[patients["diagnosis"].isin(_BENIGN + _MALIGNANT)].reset_index(drop=True)
    malignant = known["diagnosis"].isin(_MALIGNANT).to_numpy()
    counts = {
        "given": len(diagnoses),
        "unknown": len(patients) - len(known),
        "patients": len(known),
        "malignant": int(malignant.sum()),
        "small": bool(min(malignant.sum(), (~malignant).sum()) < SMALL),
    }
    if malignant.all() or not malignant.any():
        return counts | {"auroc": None, "model_minus_readers": None}
    ids, ranked = known["patient_id"], ("model", "diameter", "readers")
    cases = {name: _ranked(malignant, known[name].to_numpy()) for name in ranked}
    draws = draw_patients(ids, params.replicates, params.seed)
    difference = compare_cases(cases["model"], cases["readers"], draws, "auroc", params.confidence)
    return counts | {
        "auroc": {
            name: asdict(clustered_interval(jackknife(one, ids, ("auroc",)), "auroc", params.confidence))
            for name, one in cases.items()
        },
        "model_minus_readers": difference.interval,
    }


def _highest(test: Suspicion, nodules: pd.DataFrame) -> pd.DataFrame:
    """A row per patient: the highest answer, diameter (0 if none is known) and mean score of the readers."""
    scores = [float(np.mean(given)) if len(given) else 0.0 for given in nodules["scores"]]
    rows = pd.DataFrame(
        {
            "patient_id": test.patient_ids,
            "model": test.score,
            "diameter": nodules["diameter_mm"].fillna(0.0).to_numpy(),
            "readers": scores,
        }
    )
    return rows.groupby("patient_id", sort=True).max().reset_index()


def _ranked(malignant: np.ndarray[Any, np.dtype[np.bool_]], score: np.ndarray[Any, Any]) -> Cases:
    return Cases(malignant.astype(np.int64), np.column_stack([-score, score]).astype(np.float64))
