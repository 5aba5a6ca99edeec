"""Finished trials of a search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lungml.errors import ModelError
from lungml.tuning.candidate import Candidate


@dataclass(frozen=True)
class TrialResult:
    """A finished trial.

    `number` is its place in the budget, from 0. `scores` holds what was reported after each epoch: with one
    fold the validation weighted AUPRC, with several the mean of the best of each earlier fold and this
    epoch's. A pruned trial has fewer. `value` is the mean over folds of the best epoch; None if pruned.
    """

    number: int
    candidate: Candidate
    pruned: bool
    scores: tuple[float, ...]
    value: float | None = None

    @property
    def score(self) -> float | None:
        """What the trial is shown with: its value, or the best it reported; None if it reported nothing."""
        return self.value if self.value is not None else max(self.scores, default=None)


def best_trial(trials: Sequence[TrialResult]) -> TrialResult:
    """The trial with the highest score among those that were not pruned; of equal ones the first.

    Raises:
        ModelError: every trial was pruned.
    """
    complete = [trial for trial in trials if not trial.pruned and trial.score is not None]
    if not complete:
        raise ModelError(
            f"none of the {len(trials)} trials came to its end: their losses grew without bound. "
            "Lower tune.space.learning_rate in params.yaml"
        )
    return max(complete, key=lambda trial: (trial.score, -trial.number))
