# mypy: disable-error-code="no-any-return"
"""Operating points: thresholds fixed on validation for a wanted sensitivity, and what they do on test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lungml.errors import ModelError
from lungml.evaluation.intervals import Interval, share_bounds
from lungml.evaluation.ranking import FloatArray
from lungml.evaluation.shares import Share, by_patient, share
from lungml.evaluation.suspicion import BoolArray, Suspicion


@dataclass(frozen=True)
class OperatingPoint:
    """Call a case malignant if its score is at least `threshold`."""

    wanted_sensitivity: float
    threshold: float
    fixed_on: frozenset[str]
    """Patients it was fixed on; it may not be judged on any of them."""


def fix_threshold(known: Suspicion, wanted_sensitivity: float) -> OperatingPoint | None:
    """The highest threshold that finds at least the wanted share of the malignant cases of validation.

    Returns:
        None if none of them is malignant.
    """
    found = np.sort(known.score[known.malignant])[::-1]
    if not len(found):
        return None
    needed = int(np.ceil(wanted_sensitivity * len(found) - 1e-9))
    return OperatingPoint(
        wanted_sensitivity, float(found[max(needed, 1) - 1]), frozenset(map(str, known.patient_ids))
    )


def at_point(
    point: OperatingPoint, test: Suspicion, *, prevalence: float, confidence: float
) -> dict[str, Any]:
    """What a threshold does on cases it was not fixed on.

    Args:
        point: from `fix_threshold`.
        test: other patients' cases.
        prevalence: share of malignant nodules where the model is to be used; the predictive values there
            follow from sensitivity and specificity (Bayes), if these are the same there.
        confidence: of the intervals.

    Returns:
        wanted_sensitivity, threshold; sensitivity, specificity, ppv, npv and flagged (share of all cases),
        each {value, low, high, n, patients}; at_prevalence {prevalence, ppv, npv}.

    Raises:
        ModelError: a patient is among those the threshold was fixed on.
    """
    check_apart(point.fixed_on, test.patient_ids, "threshold")
    called = test.score >= point.threshold
    right = called == test.malignant
    among = {
        "sensitivity": (right, test.malignant),
        "specificity": (right, ~test.malignant),
        "ppv": (right, called),
        "npv": (right, ~called),
        "flagged": (called, np.ones_like(called)),
    }
    shares = {name: share(hits, of, test.patient_ids, confidence) for name, (hits, of) in among.items()}
    elsewhere = _at_prevalence(test, called, shares, prevalence=prevalence, confidence=confidence)
    return {
        "wanted_sensitivity": point.wanted_sensitivity,
        "threshold": point.threshold,
        **{name: asdict(found) for name, found in shares.items()},
        "at_prevalence": {
            "prevalence": prevalence,
            **{name: asdict(found) for name, found in elsewhere.items()},
        },
    }


def check_apart(fixed_on: frozenset[str], patient_ids: Any, what: str) -> None:
    """Refuse to judge on patients (N,) that something was fitted on.

    Raises:
        ModelError: there is one.
    """
    shared = fixed_on & set(map(str, patient_ids))
    if shared:
        raise ModelError(
            f"the {what} was fixed on {len(shared)} of the patients it is to be judged on; fix it on "
            "validation, as test must say what one that was chosen without it is worth"
        )


def bayes(found: FloatArray, false: FloatArray, prevalence: float) -> FloatArray:
    """Share of those called so who are so: from the share called so of those who are, and who are not."""
    right, wrong = prevalence * found, (1 - prevalence) * false
    return np.divide(right, right + wrong, out=np.full_like(right, np.nan), where=right + wrong > 0)


def _at_prevalence(
    test: Suspicion, called: BoolArray, shares: Mapping[str, Share], *, prevalence: float, confidence: float
) -> dict[str, Interval]:
    """Each patient is left out in turn, as in `clustered_interval`."""
    cells = [yes & answer for yes in (test.malignant, ~test.malignant) for answer in (called, ~called)]
    counts = by_patient(np.stack(cells, axis=1), test.patient_ids)
    hit, missed, false, right = np.concatenate([counts.sum(axis=0)[None], counts.sum(axis=0) - counts]).T
    with np.errstate(invalid="ignore"):
        sensitivity, specificity = hit / (hit + missed), right / (right + false)
    pairs = {"sensitivity": sensitivity, "specificity": specificity}
    return {
        "ppv": _predictive(("sensitivity", "specificity"), pairs, shares, prevalence, confidence),
        "npv": _predictive(("specificity", "sensitivity"), pairs, shares, 1 - prevalence, confidence),
    }


def _predictive(
    names: tuple[str, str],
    pairs: Mapping[str, FloatArray],
    shares: Mapping[str, Share],
    prevalence: float,
    confidence: float,
) -> Interval:
    """Of those called so: the first of `names` is the share found, the second that of the others left alone.

    `pairs` hold both (1 + P,), on all patients and without each of P. Where nobody is called wrongly nothing
    varies: then the interval comes from the ends of the two shares' own.
    """
    values = bayes(pairs[names[0]], 1 - pairs[names[1]], prevalence)
    value, without = float(values[0]), values[1:]
    if np.isnan(values).any() or len(without) < 2:
        return Interval(None if np.isnan(value) else value, None, None)
    if value in {0.0, 1.0}:
        found, spared = (np.array([shares[name].low, shares[name].high]) for name in names)
        low, high = bayes(found, 1 - spared, prevalence)
        return Interval(value, float(low), float(high))
    low, high = share_bounds(value, without, confidence)
    return Interval(value, min(low, value), max(high, value))
