"""How well readers agree: each reading against the other readings of its nodule, and readings in pairs.

What one reader reaches against the others is what a model that predicts readers' scores can be held against.
"""

from __future__ import annotations

from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungml.evaluation.intervals import clustered_interval, jackknife
from lungml.evaluation.tally import check_cases
from lungml.labels import score
from lungml.params.data import LabelParams

NOTES = (
    "LIDC-IDRI readers saw each other's marks before the second, unblinded reading (McNitt-Gray et al. 2007, "
    "doi:10.1016/j.acra.2007.07.021): they agree more than independent readers would.",
    "A reader number is a session of one scan, not a person: reader 1 of two scans may be two people, so "
    "figures are of readings, never of a reader.",
)
_MALIGNANT = 4
_SCORES = 5


def agreement(readings: pd.DataFrame, labels: LabelParams, *, confidence: float = 0.95) -> dict[str, Any]:
    """Agreement of readings on malignancy.

    Args:
        readings: table READINGS; marks below 3 mm, non-nodules and readings without a score are left out.
        labels: how the scores of the other readers become one; `min_readers` and `threes` do not matter.
        confidence: of the intervals, which take patients as the unit of chance.

    Returns:
        nodules, patients and readings that count (nodules with at least two scores); nodules_by_readings;
        leave_one_out and pairs: measures {value, low, high}; pairs also how many there are, and shares that
        agree exactly and within one; notes on what the figures do not mean. A measure that is not defined
        is None.
    """
    cases = leave_one_out(readings, labels)
    pairs = _pairs(_scored(readings))
    counts = cases.groupby("nodule_id").size()
    apart = (pairs["score"] - pairs["others"]).abs()
    return {
        "nodules": int(cases["nodule_id"].nunique()),
        "patients": int(cases["patient_id"].nunique()),
        "readings": len(cases),
        "nodules_by_readings": {
            str(count): int(n) for count, n in counts.value_counts().sort_index().items()
        },
        "leave_one_out": _measures(cases, confidence),
        "pairs": {
            "count": len(pairs) // 2,
            "equal": float((apart == 0).mean()) if len(pairs) else None,
            "within_one": float((apart <= 1).mean()) if len(pairs) else None,
            **_measures(pairs, confidence),
        },
        "notes": list(NOTES),
    }


def leave_one_out(readings: pd.DataFrame, labels: LabelParams) -> pd.DataFrame:
    """Each reading beside the other readings of its nodule.

    Returns:
        nodule_id, patient_id, score (of the reading, 1 to 5) and others (one score of the other readings,
        rounded by `labels.ties`, 1 to 5); nodules with a single score are left out.
    """
    alone = labels.model_copy(update={"min_readers": 1})
    rows = []
    for (nodule, patient), own in _scored(readings).groupby(["nodule_id", "patient_id"], sort=True):
        given = own["malignancy"].tolist()
        for place, value in enumerate(given if len(given) > 1 else []):
            others = score(given[:place] + given[place + 1 :], alone)
            rows.append((nodule, patient, value, _rounded(others, labels)))
    return pd.DataFrame(rows, columns=["nodule_id", "patient_id", "score", "others"])


def scores_given(readings: pd.DataFrame) -> pd.Series[int]:
    """Nodule_id -> how many readers gave it a score of 1 to 5."""
    return _scored(readings).groupby("nodule_id").size()


def _scored(readings: pd.DataFrame) -> pd.DataFrame:
    given = (readings["nodule_id"] != "") & readings["malignancy"].between(1, _SCORES)
    return readings[given].sort_values(["nodule_id", "reading_id"])


def _rounded(value: float, labels: LabelParams) -> int:
    return int(np.floor(value + 0.5) if labels.ties == "higher" else np.ceil(value - 0.5))


def _pairs(readings: pd.DataFrame) -> pd.DataFrame:
    """Every two readings of a nodule, both ways round, so that neither is the truth."""
    rows = [
        (nodule, patient, *scores)
        for (nodule, patient), own in readings.groupby(["nodule_id", "patient_id"], sort=True)
        for first, second in combinations(own["malignancy"].tolist(), 2)
        for scores in ((first, second), (second, first))
    ]
    return pd.DataFrame(rows, columns=["nodule_id", "patient_id", "score", "others"])


def _measures(cases: pd.DataFrame, confidence: float) -> dict[str, dict[str, float | None] | None]:
    """Quadratic weighted kappa of five scores; kappa and AUROC of malignant (4, 5) or not."""
    if cases.empty:
        return dict.fromkeys(("qwk", "kappa", "auroc"))
    scores, others = cases["score"].to_numpy(), cases["others"].to_numpy()
    suspicious, malignant = (scores >= _MALIGNANT).astype(int), (others >= _MALIGNANT).astype(int)
    patients = cases["patient_id"].to_numpy()
    # Of two classes, quadratic weighted kappa is Cohen's kappa; the third class is empty and changes nothing.
    asked = {
        "qwk": ("qwk", others - 1, _one_hot(scores - 1, _SCORES)),
        "kappa": ("qwk", malignant, _one_hot(suspicious, 3)),
        "auroc": ("auroc", malignant, np.column_stack([-scores, scores])),
    }
    return {
        name: asdict(
            clustered_interval(jackknife(check_cases(truth, given), patients, (metric,)), metric, confidence)
        )
        for name, (metric, truth, given) in asked.items()
    }


def _one_hot(values: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    return np.eye(classes)[values]
