"""What an epoch shows of imbalanced classes: which training rows, how often, in which order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
_SHOWINGS_STREAM = 1
"""Keeps the draws of the plan apart from those of the augmentations, which share seed and epoch."""


@dataclass(frozen=True)
class Showings:
    """The examples of one epoch, in order.

    `rows` (M,) index the training set; `copies` (M,) count the showings of a row, from 0, so that each
    showing is augmented in its own way.
    """

    rows: IntArray
    copies: IntArray


Lift = float | tuple[int, ...]
"""What classes are lifted to: a share of the largest one, or a number of showings for each."""


def draw_showings(labels: IntArray, imbalance: str, *, lift: Lift = 1.0, seed: int, epoch: int) -> Showings:
    """Draw an epoch's examples.

    Args:
        labels: (N,) class of each training row.
        imbalance: a key of `REPEATS`.
        lift: of `upsample`; a class that is larger stays as it is.
        seed: of the training.
        epoch: each has draws of its own.

    Returns:
        Rows, shuffled, all of them at least once but for `balanced`; the same for the same (seed, epoch).
    """
    generator = np.random.default_rng(np.random.SeedSequence((seed, epoch, _SHOWINGS_STREAM)))
    rows = REPEATS[imbalance](labels, lift, generator)
    rows = rows[generator.permutation(len(rows))]
    return Showings(rows, _count_copies(rows))


def class_weights(labels: IntArray, classes: int) -> NDArray[np.float64]:
    """Weights (classes,) inverse to class frequency, with mean 1 over the examples; absent classes get 0."""
    counts = np.bincount(labels, minlength=classes)
    present = counts > 0
    weights = np.zeros(classes)
    weights[present] = len(labels) / (present.sum() * counts[present])
    return weights


def _as_they_are(labels: IntArray, _lift: Lift, _generator: np.random.Generator) -> IntArray:
    return np.arange(len(labels))


def _upsample(labels: IntArray, lift: Lift, generator: np.random.Generator) -> IntArray:
    counts = np.bincount(labels)
    goals = lift if isinstance(lift, tuple) else [round(lift * counts.max())] * len(counts)
    return np.concatenate(
        [
            _repeat(np.flatnonzero(labels == label), max(goals[label], count), generator)
            for label, count in enumerate(counts)
            if count
        ]
    )


def _balanced(labels: IntArray, _lift: Lift, generator: np.random.Generator) -> IntArray:
    """As many showings as there are rows, the same number of every class (one more of the first ones)."""
    present = np.unique(labels)
    goals = len(labels) // len(present) + (np.arange(len(present)) < len(labels) % len(present))
    return np.concatenate(
        [
            _repeat(np.flatnonzero(labels == label), int(goal), generator)
            for label, goal in zip(present, goals, strict=True)
        ]
    )


def _repeat(rows: IntArray, goal: int, generator: np.random.Generator) -> IntArray:
    """Every row goal // len(rows) times, and a drawn part of them once more."""
    whole, rest = divmod(goal, len(rows))
    return np.concatenate([np.tile(rows, whole), generator.choice(rows, rest, replace=False)])


def _count_copies(rows: IntArray) -> IntArray:
    """How often each entry's row came before it."""
    order = np.argsort(rows, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(rows[order]) != 0])
    copies = np.empty(len(rows), dtype=np.int64)
    lengths = np.diff(np.r_[starts, len(rows)])
    copies[order] = np.arange(len(rows)) - np.repeat(starts, lengths)
    return copies


REPEATS: dict[str, Callable[[IntArray, Lift, np.random.Generator], IntArray]] = {
    "none": _as_they_are,
    "class-weights": _as_they_are,
    "upsample": _upsample,
    "balanced": _balanced,
}
"""Name of an imbalance strategy -> which rows an epoch shows. `class-weights` acts in the loss instead;
`balanced` shows every class equally often in an epoch of the usual length, so not every row of a common
one."""
