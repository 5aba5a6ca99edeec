"""A reader and the model, each against the other readers of the same nodules.

A model that predicts readers' scores can hardly be more right than the readers agree. The model is held to
the same question as a reader: each reading is set against the consensus of the other readings of its nodule,
and the model's answer against that same consensus.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungml.agreement import NOTES, leave_one_out, scores_given
from lungml.evaluation.bootstrap import draw_patients
from lungml.evaluation.comparison import compare_cases
from lungml.evaluation.intervals import clustered_interval, jackknife
from lungml.evaluation.metrics import HEADLINE, measure
from lungml.evaluation.ranking import FloatArray
from lungml.evaluation.shares import IDS
from lungml.evaluation.tally import Cases
from lungml.params.data import LabelParams
from lungml.params.evaluation import EvaluateParams

_MALIGNANT, _SCORES = 4, 5

READER_COUNTS = {"1": (1, 1), "2": (2, 2), "3 or more": (3, math.inf)}
"""How many readers scored a nodule, from and to."""

Chosen = NDArray[np.bool_]


def beside_readers(
    readings: pd.DataFrame, labels: LabelParams, answers: pd.DataFrame, params: EvaluateParams
) -> dict[str, Any]:
    """AUROC (and kappa) of readings and of the model against the other readings.

    Args:
        readings: table READINGS.
        labels: how the other readers' scores become one.
        answers: of the model, nodule_id and malignant (probability); and score, the most probable one from 1
            to 5, if the model answers with scores.
        params: confidence of the intervals, and how patients are drawn for the difference.

    Returns:
        nodules, patients, readings that count (nodules with at least two scores); auroc, and qwk where the
        model answers with scores: {reader, model, model_minus_reader}, each {value, low, high}; notes.
    """
    known = answers.set_index("nodule_id")
    cases = leave_one_out(readings[readings["nodule_id"].isin(known.index)], labels)
    counts = {
        "nodules": int(cases["nodule_id"].nunique()),
        "patients": int(cases["patient_id"].nunique()),
        "readings": len(cases),
        "notes": list(NOTES),
    }
    if cases.empty:
        return counts | {"auroc": None, "qwk": None}
    own = known.loc[cases["nodule_id"]]
    scores, others = (cases[name].to_numpy() for name in ("score", "others"))
    truth = (others >= _MALIGNANT).astype(np.int64)
    ranked = {"reader": _ranked(scores), "model": _ranked(own["malignant"].to_numpy())}
    compared = {"auroc": _compare(truth, ranked, cases["patient_id"], "auroc", params), "qwk": None}
    if "score" in own:
        given = {"reader": _one_hot(scores), "model": _one_hot(own["score"].to_numpy())}
        compared["qwk"] = _compare(others - 1, given, cases["patient_id"], "qwk", params)
    return counts | compared


def by_reader_count(
    readings: pd.DataFrame, nodule_ids: IDS, patient_ids: IDS, cases: Cases, confidence: float
) -> list[dict[str, Any]]:
    """The headline metric by how many readers scored a nodule; few readers make a label hard to foretell.

    Args:
        readings: table READINGS.
        nodule_ids: (N,), of the answers.
        patient_ids: (N,).
        cases: the N answers.
        confidence: of the intervals.

    Returns:
        For each of `READER_COUNTS` readers, n, patients, and the metric's value, low, high, chance and skill;
        it is None where the labels are all of one class.
    """
    counts = scores_given(readings).reindex(nodule_ids, fill_value=0).to_numpy()
    rows: list[dict[str, Any]] = []
    for name, (fewest, most) in READER_COUNTS.items():
        own = (counts >= fewest) & (counts <= most)
        found = {"readers": name, "n": int(own.sum()), "patients": len(np.unique(patient_ids[own]))}
        rows.append(found | {HEADLINE: _headline(cases, own, patient_ids, confidence)})
    return rows


def _headline(cases: Cases, own: Chosen, patient_ids: IDS, confidence: float) -> dict[str, Any] | None:
    if len(np.unique(cases.labels[own])) < 2:
        return None
    part = Cases(cases.labels[own], cases.probabilities[own])
    interval = clustered_interval(jackknife(part, patient_ids[own], (HEADLINE,)), HEADLINE, confidence)
    return asdict(interval) | asdict(measure(part)[HEADLINE])


def _compare(
    truth: np.ndarray[Any, np.dtype[np.int64]],
    answers: Mapping[str, FloatArray],
    patients: Any,
    metric: str,
    params: EvaluateParams,
) -> dict[str, Any]:
    cases = {name: Cases(truth, given) for name, given in answers.items()}
    found = {
        name: asdict(clustered_interval(jackknife(one, patients, (metric,)), metric, params.confidence))
        for name, one in cases.items()
    }
    draws = draw_patients(patients, params.replicates, params.seed)
    difference = compare_cases(cases["model"], cases["reader"], draws, metric, params.confidence)
    return found | {"model_minus_reader": difference.interval}


def _ranked(scores: FloatArray) -> FloatArray:
    """As two classes of which only the order counts."""
    return np.column_stack([-scores, scores]).astype(np.float64)


def _one_hot(scores: FloatArray) -> FloatArray:
    return np.asarray(np.eye(_SCORES)[np.asarray(scores, dtype=np.int64) - 1])
