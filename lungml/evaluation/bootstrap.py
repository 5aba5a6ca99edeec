# mypy: disable-error-code="no-any-return"
"""Resampling of patients: what every metric would have been with other patients of the same kind.

A replicate is a weighting of the cases, so all replicates are measured together and no case is copied
(`benchmarks/bootstrap.py`). Models that are compared are measured on the same draws.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from lungml.evaluation.metrics import Values, values
from lungml.evaluation.ranking import FloatArray
from lungml.evaluation.tally import Cases


@dataclass(frozen=True, eq=False)
class Draws:
    """Patients drawn with replacement, as many as there are, again and again."""

    weights: FloatArray
    """(R, N): how often each case is there; those of a patient come and go together."""
    patients: int


@dataclass(frozen=True, eq=False)
class Resampled:
    """A model's metrics on all cases and on each of the draws."""

    cases: Cases
    draws: Draws
    whole: dict[str, float]
    """Metric -> value; NaN where it is not defined."""
    replicates: Values


def draw_patients(patient_ids: ArrayLike, replicates: int, seed: int) -> Draws:
    """Draw patients; `patient_ids` (N,) says whose case is whose, equal seeds give equal draws."""
    _, patients = np.unique(np.asarray(patient_ids), return_inverse=True)
    count = int(patients.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=replicates)
    return Draws(drawn[:, patients].astype(np.float64), count)


def resample(cases: Cases, draws: Draws, names: Collection[str] | None = None) -> Resampled:
    """Measure N cases on all draws.

    Args:
        cases: N of them.
        draws: of the patients of these cases.
        names: of the metrics; all that fit the classes by default.

    Raises:
        ValueError: the draws are of another number of cases.
    """
    if draws.weights.shape[1] != len(cases.labels):
        raise ValueError(f"draws of {draws.weights.shape[1]} cases, but {len(cases.labels)} cases")
    once = values(cases, np.ones((1, len(cases.labels))), names)
    whole = {name: float(value[0]) for name, value in once.items()}
    return Resampled(cases, draws, whole, values(cases, draws.weights, names))
