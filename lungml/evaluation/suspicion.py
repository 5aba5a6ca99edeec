"""Malignant or not, as either target says it: the yes-no question behind thresholds and subgroups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lungml.evaluation.ranking import FloatArray
from lungml.evaluation.tally import Cases

BoolArray = NDArray[np.bool_]

_FIRST_MALIGNANT = {2: 1, 5: 3}
"""Number of classes -> the first one that readers call malignant (scores 4 and 5)."""


@dataclass(frozen=True)
class Suspicion:
    """N cases with a yes or no, and how sure a model is of the yes."""

    malignant: BoolArray
    """(N,)."""
    score: FloatArray
    """(N,): probability of malignant, 0 to 1; of five classes that of the last two together."""
    patient_ids: NDArray[Any]
    """(N,); equal values are one patient."""

    def __len__(self) -> int:
        return len(self.malignant)

    def only(self, rows: BoolArray) -> Suspicion:
        """Those cases alone."""
        return Suspicion(self.malignant[rows], self.score[rows], self.patient_ids[rows])


def suspicion_of(cases: Cases, patient_ids: ArrayLike) -> Suspicion:
    """Ask of two or five classes whether a case is malignant.

    Raises:
        ValueError: the lengths differ.
    """
    ids = np.asarray(patient_ids)
    if ids.shape != cases.labels.shape:
        raise ValueError(f"{len(ids)} patient ids for {len(cases.labels)} cases")
    first = _FIRST_MALIGNANT[cases.classes]
    score = np.clip(cases.probabilities[:, first:].sum(axis=1), 0.0, 1.0)
    return Suspicion(cases.labels >= first, score, ids)
