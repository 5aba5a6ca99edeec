"""`trust.json` and the suspicious labels of an invented model, by the real code."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lungml.diagnoses import parse_diagnoses
from lungml.evaluation.evidence import FACTS, Answers, Evidence
from lungml.evaluation.trust import suspicious, trust
from lungml.files import write_json
from lungml.params.data import LabelParams
from lungml.params.evaluation import EvaluateParams
from lungml.tables import SUSPICIOUS, write_table
from lungml.terms import Part

DISTANCES = {
    "abstention": 0.05,
    "threshold": 1.4,
    "threshold_on": "validation",
    "abstained": {"value": 0.06, "low": 0.03, "high": 0.11, "n": 50, "patients": 20},
    "gross": [
        {"case": "inverted", "auroc": 1.0, "abstained": 1.0},
        {"case": "blank", "auroc": 0.93, "abstained": 0.4},
    ],
    "subtle": [{"case": "smoothed", "auroc": 0.61, "abstained": 0.1}],
}


def make_evidence(task, tables, split, *, seed: int = 0, signal: float = 1.5) -> Evidence:
    """Answers on validation and test that are the label plus noise; of test everything the index knows."""
    rng = np.random.default_rng(seed)
    series = tables.series[["series_uid", *FACTS]]
    rows = split[split[task.target.value] >= 0].rename(columns={task.target.value: "label"})
    parts = {
        part: rows[rows["part"] == part].sort_values("nodule_id", ignore_index=True)
        for part in (Part.VAL, Part.TEST)
    }
    known, test = (answers_of(own, len(task.target.class_names), rng, signal) for own in parts.values())
    nodules = parts[Part.TEST][["nodule_id"]].merge(
        tables.nodules.merge(series, on="series_uid"), on="nodule_id"
    )
    diagnoses = parse_diagnoses(
        "patient_id,diagnosis\n"
        + "".join(f"{own},{1 + number % 3}\n" for number, own in enumerate(sorted(set(test.patient_ids))))
    )
    return Evidence(task, LabelParams(), known, test, nodules, tables.readings, diagnoses)


def answers_of(rows: pd.DataFrame, classes: int, rng, signal: float) -> Answers:
    logits = rng.normal(size=(len(rows), classes))
    logits[np.arange(len(rows)), rows["label"]] += signal
    powers = np.exp(logits)
    shares = powers / powers.sum(axis=1, keepdims=True)
    kept = rows[["nodule_id", "patient_id", "part", "label"]]
    return Answers(kept.assign(probabilities=list(shares), probabilities_tta=list(shares)))


def write_trust(folder, evidence: Evidence) -> None:
    """Write both files into the folder of an evaluation."""
    found = trust(evidence, EvaluateParams(null_draws=100)) | {"out_of_distribution": DISTANCES}
    write_json(folder / "trust.json", found)
    write_table(folder / "suspicious_labels.parquet", suspicious(evidence), SUSPICIOUS)
