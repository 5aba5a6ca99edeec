# mypy: disable-error-code="no-any-return"
"""Prediction sets: which classes a case may be of, with a promise for each class.

Class-conditional (Mondrian) split conformal sets on 1 - probability, the smallest such sets (Sadinle et al.
2019, doi:10.1080/01621459.2017.1395341). A plain split would count a patient's nodules as independent; but
patients are exchangeable, nodules are not. So the calibration is by patients: each patient with nodules of a
class weighs the same, shared among these nodules, and one more patient at infinity stands for the new one
(Lee, Barber & Willett 2023, arXiv 2306.06342). Keeping one nodule of each patient would promise the same, but
throws nodules away and depends on which are kept.

The promise: of a new patient's nodules of a class, one drawn at random has its class in its set with
probability of at least 1 - miscoverage, whatever the model.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungml.evaluation.operating import check_apart
from lungml.evaluation.ranking import FloatArray
from lungml.evaluation.shares import by_patient, share
from lungml.evaluation.suspicion import BoolArray
from lungml.evaluation.tally import Cases

IDS = NDArray[Any]
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Conformal:
    """A class is in the set of a case if its probability is at least its bound."""

    miscoverage: float
    bounds: FloatArray
    """(K,): lowest probability that keeps a class in; 0 where too few patients can promise anything."""
    patients: NDArray[np.int64]
    """(K,): how many patients of each class it was calibrated on."""
    fixed_on: frozenset[str]


def calibrate(known: Cases, patient_ids: IDS, miscoverage: float) -> Conformal:
    """Fix the bounds on cases the model was not trained on.

    A class needs at least 1 / miscoverage - 1 patients; with fewer it is in every set.
    """
    bounds, patients = np.zeros(known.classes), np.zeros(known.classes, dtype=np.int64)
    for number in range(known.classes):
        of_class = known.labels == number
        ids = patient_ids[of_class]
        patients[number] = len(np.unique(ids))
        bounds[number] = _bound(known.probabilities[of_class, number], ids, miscoverage)
    return Conformal(miscoverage, bounds, patients, frozenset(map(str, patient_ids)))


def sets_of(conformal: Conformal, probabilities: FloatArray) -> BoolArray:
    """Which classes (N, K) are in the set of each case; a set may be empty."""
    return probabilities >= conformal.bounds


def coverage_of(
    conformal: Conformal, test: Cases, *, patient_ids: IDS, class_names: tuple[str, ...], confidence: float
) -> dict[str, Any]:
    """How the sets do on other patients.

    Returns:
        miscoverage; covered: share of cases whose class is in their set {value, low, high, n, patients};
        covered_by_patient: mean over patients of that share; classes: the same per class, with the patients
        it was calibrated on, and its bound; sizes: share of cases with 0, 1, ... classes in their set;
        mean_size; single: share of the sets of one class that are right.

    Raises:
        ModelError: a patient is among those the bounds were fixed on.
    """
    check_apart(conformal.fixed_on, patient_ids, "bound of the prediction sets")
    sets = sets_of(conformal, test.probabilities)
    covered = sets[np.arange(len(sets)), test.labels]
    size = sets.sum(axis=1)
    everyone = np.ones_like(covered)
    counts = by_patient(np.stack([covered, everyone], axis=1), patient_ids)
    return {
        "miscoverage": conformal.miscoverage,
        "covered": asdict(share(covered, everyone, patient_ids, confidence)),
        "covered_by_patient": float((counts[:, 0] / counts[:, 1]).mean()),
        "classes": [
            {
                "class": name,
                "calibrated_on_patients": int(conformal.patients[number]),
                "bound": float(conformal.bounds[number]),
                "covered": asdict(share(covered, test.labels == number, patient_ids, confidence)),
            }
            for number, name in enumerate(class_names)
        ],
        "sizes": (np.bincount(size, minlength=test.classes + 1) / len(size)).tolist(),
        "mean_size": float(size.mean()),
        "single": asdict(share(covered, size == 1, patient_ids, confidence)),
    }


def _bound(of_true_class: FloatArray, patient_ids: IDS, miscoverage: float) -> float:
    """The (1 - miscoverage) quantile of 1 - probability, as a probability."""
    if not len(of_true_class):
        return 0.0
    _, patient, cases = np.unique(patient_ids, return_inverse=True, return_counts=True)
    weights = 1 / ((len(cases) + 1) * cases[patient])
    order = np.argsort(-of_true_class, kind="stable")
    reached = np.cumsum(weights[order]) >= 1 - miscoverage - _ROUNDING
    return float(of_true_class[order][reached.argmax()]) if reached.any() else 0.0
