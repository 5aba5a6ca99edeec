"""Labels that a person should look at again, and what the most disputed nodules do to the result.

Confident learning (Northcutt et al. 2021, doi:10.1613/jair.1.12125, by cleanlab): a label is suspicious if
the model, which did not learn from it, is as sure of another class as it is on average of that class's own
cases. It is a list for review. Nothing is left out because of it, and least of all from test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from lungml.evaluation.intervals import clustered_interval, jackknife
from lungml.evaluation.suspicion import Suspicion
from lungml.evaluation.tally import Cases

DISPUTED = (0.0, 0.1, 0.2, 0.3)
"""Shares of the test nodules that are left out, the most disputed first."""


def suspicious_labels(known: Cases) -> pd.DataFrame:
    """Find labels that are likely wrong among cases the model did not learn from.

    Returns:
        row (in `known`), given, suggested (class indices), given_probability, suggested_probability; the
        least likely labels first. Empty where only one class is there.
    """
    rows = _issues(known)
    suggested = known.probabilities[rows].copy()
    suggested[np.arange(len(rows)), known.labels[rows]] = -1.0
    other = suggested.argmax(axis=1)
    return pd.DataFrame(
        {
            "row": rows,
            "given": known.labels[rows],
            "suggested": other,
            "given_probability": known.probabilities[rows, known.labels[rows]],
            "suggested_probability": known.probabilities[rows, other],
        }
    )


def without_disputed(test: Suspicion, scores: Sequence[Sequence[int]], confidence: float) -> dict[str, Any]:
    """AUROC of malignant or not without the nodules that the readers dispute most.

    Args:
        test: N cases.
        scores: of the readers, of each case; a case with fewer than two is never left out.
        confidence: of the intervals.

    Returns:
        judged_by_two: cases with two scores or more; points: {left_out, n, auroc} for each of `DISPUTED`.
    """
    spread = np.array([np.std(given) if len(given) > 1 else -1.0 for given in scores])
    order = np.argsort(-spread, kind="stable")
    judged_by_two = int((spread >= 0).sum())
    points = []
    for left_out in DISPUTED:
        kept = np.sort(order[round(left_out * judged_by_two) :])
        part = Suspicion(test.malignant[kept], test.score[kept], test.patient_ids[kept])
        points.append({"left_out": left_out, "n": len(kept), "auroc": _auroc(part, confidence)})
    return {"judged_by_two": judged_by_two, "points": points}


def _issues(known: Cases) -> np.ndarray[Any, np.dtype[np.int64]]:
    from cleanlab.filter import find_label_issues

    present = np.unique(known.labels)
    if len(present) < 2:
        return np.empty(0, dtype=np.int64)
    shares = known.probabilities[:, present]
    shares = shares / np.maximum(shares.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    found = find_label_issues(
        np.searchsorted(present, known.labels),
        shares,
        return_indices_ranked_by="self_confidence",
        min_examples_per_class=0,
        n_jobs=1,
    )
    return np.asarray(found, dtype=np.int64)


def _auroc(part: Suspicion, confidence: float) -> dict[str, float | None]:
    cases = Cases(part.malignant.astype(np.int64), np.stack([1 - part.score, part.score], axis=1))
    return asdict(clustered_interval(jackknife(cases, part.patient_ids), "auroc", confidence))
