"""The content of `trust.json`: what says how far the metrics can be trusted, one entry per question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from lungml.evaluation.calibration import brier, calibration_error, null_error
from lungml.evaluation.calibration_line import calibration_line
from lungml.evaluation.ceiling import beside_readers, by_reader_count
from lungml.evaluation.conformal import calibrate, coverage_of
from lungml.evaluation.decision import decision_curve
from lungml.evaluation.evidence import Answers, Evidence
from lungml.evaluation.label_noise import suspicious_labels, without_disputed
from lungml.evaluation.operating import at_point, check_apart, fix_threshold
from lungml.evaluation.pathology import against_diagnoses
from lungml.evaluation.policy_results import under_policies
from lungml.evaluation.recalibration import CALIBRATORS, Choice, choose_calibrator
from lungml.evaluation.reliability import brier_parts, reliability_bins
from lungml.evaluation.selective import selective
from lungml.evaluation.subgroups import subgroups
from lungml.evaluation.suspicion import Suspicion, suspicion_of
from lungml.evaluation.tally import Cases
from lungml.params.evaluation import EvaluateParams
from lungml.terms import Target


def trust(evidence: Evidence, params: EvaluateParams) -> dict[str, Any]:
    """Answer every question of `QUESTIONS`; what cannot be answered with these data is None.

    Raises:
        ModelError: a test patient is among those that something is fitted on.
    """
    known, test = evidence.known, evidence.test
    check_apart(frozenset(map(str, known.patient_ids)), test.patient_ids, "calibration")
    return {
        "task": evidence.task.value,
        "confidence": params.confidence,
        "n": len(test.rows),
        "patients": len(np.unique(test.patient_ids)),
        "fitted_on": {
            "parts": sorted(known.rows["part"].unique().tolist()),
            "n": len(known.rows),
            "patients": len(np.unique(known.patient_ids)),
        },
        **{name: answer(evidence, params) for name, answer in QUESTIONS.items()},
    }


def calibrated(evidence: Evidence, choice: Choice) -> Suspicion:
    """The test part by probabilities repaired as was chosen on validation."""
    repair = CALIBRATORS[choice.chosen](evidence.known.cases)
    return suspicion_of(repair(evidence.test.cases), evidence.test.patient_ids)


def ways_to_repair(evidence: Evidence) -> dict[str, Cases]:
    """The test part by each of `CALIBRATORS`, fitted on validation."""
    return {name: fit(evidence.known.cases)(evidence.test.cases) for name, fit in CALIBRATORS.items()}


def suspicious(evidence: Evidence) -> pd.DataFrame:
    """Table SUSPICIOUS: labels to look at again, among those the model did not learn from."""
    found = suspicious_labels(evidence.known.cases)
    rows = evidence.known.rows.iloc[found["row"]].reset_index(drop=True)
    numbers = {name: found[name].astype("int8") for name in ("given", "suggested")}
    shares = {name: found[name] for name in ("given_probability", "suggested_probability")}
    ranks = np.arange(1, len(found) + 1, dtype=np.int32)
    return rows[["nodule_id", "part"]].assign(rank=ranks, **numbers, **shares)


def _choose(evidence: Evidence, params: EvaluateParams) -> Choice:
    return choose_calibrator(evidence.known.cases, evidence.known.patient_ids, seed=params.seed)


def _operating_points(evidence: Evidence, params: EvaluateParams) -> list[dict[str, Any]] | None:
    known, test = evidence.known.suspicion, evidence.test.suspicion
    points = [fix_threshold(known, wanted) for wanted in params.trust.sensitivities]
    found = [
        at_point(point, test, prevalence=params.trust.prevalence, confidence=params.confidence)
        for point in points
        if point is not None
    ]
    return found or None


def _conformal(evidence: Evidence, params: EvaluateParams) -> dict[str, Any]:
    known, test = evidence.known, evidence.test
    return coverage_of(
        calibrate(known.cases, known.patient_ids, params.trust.miscoverage),
        test.cases,
        patient_ids=test.patient_ids,
        class_names=evidence.task.target.class_names,
        confidence=params.confidence,
    )


def _selective(evidence: Evidence, params: EvaluateParams) -> dict[str, Any]:
    test = evidence.test
    return selective(evidence.known.cases, test.cases, test.patient_ids, params.confidence)


def _subgroups(evidence: Evidence, params: EvaluateParams) -> dict[str, Any]:
    return subgroups(evidence.test.suspicion, evidence.nodules, params.confidence)


def _calibration(evidence: Evidence, params: EvaluateParams) -> dict[str, Any]:
    choice = _choose(evidence, params)
    ids = evidence.test.patient_ids
    return {
        "chosen": choice.chosen,
        "brier_on_validation": choice.brier,
        "ways": {
            name: _calibration_of(cases, suspicion_of(cases, ids), params)
            for name, cases in ways_to_repair(evidence).items()
        },
    }


def _calibration_of(cases: Cases, suspicion: Suspicion, params: EvaluateParams) -> dict[str, Any]:
    bins = params.calibration_bins
    error, null = (
        calibration_error(cases, bins),
        null_error(cases, bins, draws=params.null_draws, seed=params.seed),
    )
    return {
        "brier": brier(cases),
        "brier_of_malignant": brier_parts(suspicion),
        "ece": error,
        "ece_null_mean": null.mean,
        "ece_null_high": null.high,
        "flagged": error > null.high,
        **asdict(calibration_line(suspicion, params.confidence)),
        "bins": reliability_bins(suspicion, bins, params.confidence),
    }


def _decision(evidence: Evidence, params: EvaluateParams) -> dict[str, Any]:
    choice = _choose(evidence, params)
    return {"calibrated": choice.chosen} | decision_curve(calibrated(evidence, choice), params.confidence)


def _readers(evidence: Evidence, params: EvaluateParams) -> dict[str, Any]:
    """Of test; and of the many more nodules that the model did not learn from either (`known`)."""
    known = evidence.known
    ids = known.rows["nodule_id"].to_numpy()
    counts = by_reader_count(evidence.readings, ids, known.patient_ids, known.cases, params.confidence)
    return _beside_readers(evidence, evidence.test, params) | {
        "known": _beside_readers(evidence, known, params) | {"by_reader_count": counts}
    }


def _beside_readers(evidence: Evidence, answers: Answers, params: EvaluateParams) -> dict[str, Any]:
    given = pd.DataFrame({"nodule_id": answers.rows["nodule_id"], "malignant": answers.suspicion.score})
    if evidence.task.target is Target.FIVE:
        given["score"] = answers.cases.predicted + 1
    return beside_readers(evidence.readings, evidence.labels, given, params)


def _policies(evidence: Evidence, params: EvaluateParams) -> list[dict[str, Any]]:
    cases, target = evidence.test.cases, evidence.task.target
    return under_policies(
        evidence.nodules, cases, target=target, labels=evidence.labels, confidence=params.confidence
    )


def _label_noise(evidence: Evidence, params: EvaluateParams) -> dict[str, Any]:
    found = suspicious_labels(evidence.known.cases)
    scores = evidence.nodules["scores"].tolist()
    return {
        "looked_at": len(evidence.known.rows),
        "suspicious": len(found),
        "disputed": without_disputed(evidence.test.suspicion, scores, params.confidence),
    }


def _pathology(evidence: Evidence, params: EvaluateParams) -> dict[str, Any] | None:
    test = evidence.test.suspicion
    return against_diagnoses(test, evidence.nodules, evidence.diagnoses, params)


Question = Callable[[Evidence, EvaluateParams], Any]

QUESTIONS: dict[str, Question] = {
    "operating_points": _operating_points,
    "conformal": _conformal,
    "selective": _selective,
    "subgroups": _subgroups,
    "calibration": _calibration,
    "decision": _decision,
    "readers": _readers,
    "policies": _policies,
    "label_noise": _label_noise,
    "pathology": _pathology,
}
"""Entry of `trust.json` -> how it is answered."""
