"""The poison test: replace what a step must not see, and its results must stay the same bit for bit.

It needs no knowledge of how a step works, so it catches whatever is fitted on rows of another part: a
scaler, a selection, a threshold, a stopping rule.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungml.terms import AIR_HU, Part

_BRIGHTEST_HU = 3000


class Hidden(StrEnum):
    """What a step must not see."""

    VAL_AND_TEST = "images and labels of val and test"
    TEST = "images and labels of test"
    RATINGS = "what readers say of a nodule"


_PARTS = {Hidden.VAL_AND_TEST: (Part.VAL, Part.TEST), Hidden.TEST: (Part.TEST,), Hidden.RATINGS: ()}


@dataclass(frozen=True)
class Study:
    """All that a step could look at, row by row.

    `images_hu` int16 (N, 1, H, W); `labels` (N,), 0 or 1; `ratings` (N, R); `parts` and `folds` (N,), fold
    -1 in test.
    """

    images_hu: NDArray[np.int16]
    labels: NDArray[np.int64]
    ratings: NDArray[np.float64]
    parts: NDArray[np.str_]
    folds: NDArray[np.int64]

    def rows(self, *parts: Part) -> NDArray[np.bool_]:
        """(N,): which rows are of these parts."""
        return np.isin(self.parts, [part.value for part in parts])


Results = Mapping[str, NDArray[Any]]
"""What a step leaves behind, by name."""
Step = Callable[[Study], Results]


def changed_by_poison(step: Step, study: Study, hidden: Hidden, seed: int) -> list[str]:
    """Names of the results that depend on what is hidden; sorted.

    Args:
        step: run twice, on the study and on the poisoned one.
        study: what it is run on.
        hidden: what is replaced by noise.
        seed: of the noise.
    """
    clean, dirty = step(study), step(_poisoned(study, hidden, np.random.default_rng(seed)))
    return sorted(name for name in clean if _digest(clean[name]) != _digest(dirty[name]))


def _poisoned(study: Study, hidden: Hidden, rng: np.random.Generator) -> Study:
    """Noise for images and ratings, the other class for labels."""
    if hidden is Hidden.RATINGS:
        return replace(study, ratings=rng.uniform(1, 5, study.ratings.shape))
    rows = study.rows(*_PARTS[hidden])
    images, labels = study.images_hu.copy(), study.labels.copy()
    images[rows] = rng.integers(AIR_HU, _BRIGHTEST_HU, images[rows].shape)
    labels[rows] = 1 - labels[rows]
    return replace(study, images_hu=images, labels=labels)


def _digest(values: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
