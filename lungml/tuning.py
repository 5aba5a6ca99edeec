"""The hyper-parameter search: an Optuna study that gives the same trials again, killed and resumed or not.

The sampler is seeded anew for every trial from the number of finished ones, and what a killed run left
unfinished is marked as failed, so a resumed study asks for the trials an uninterrupted one would have.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, PartialFixedSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, Trial, TrialState

from lungml.errors import ModelError
from lungml.params.model import TuneParams

_RANDOM_TRIALS = 4
"""Trials before the sampler learns from earlier ones."""
_UNPRUNED_TRIALS = 2


@dataclass(frozen=True)
class Candidate:
    """One point of the search space. `learning_rate` is None where the schedule has its own."""

    batch_size: int
    optimizer: str
    learning_rate: float | None
    head: str


@dataclass(frozen=True)
class TrialResult:
    """A finished trial; `scores` has one validation weighted AUPRC an epoch, fewer if it was pruned."""

    number: int
    candidate: Candidate
    pruned: bool
    scores: tuple[float, ...]

    @property
    def score(self) -> float | None:
        """The best epoch's; None for a training that diverged in its first epoch."""
        return max(self.scores, default=None)


Objective = Callable[[Candidate], Iterator[float]]
"""A candidate -> its score after each epoch. NaN says that the training diverged: the trial is pruned."""


def search(
    params: TuneParams, objective: Objective, *, journal: Path, name: str, tune_rate: bool = True
) -> Iterator[TrialResult]:
    """Yield finished trials, those of an earlier run first, until there are `params.trials`.

    Args:
        params: space, budget and seed.
        objective: trains one candidate.
        journal: file that keeps the study while it is not done.
        name: of the study; one with another name in the same journal is left alone.
        tune_rate: whether the learning rate is searched.
    """
    with _quiet():
        study = _open_study(journal, name, params)
    finished = _finished(study)
    yield from (_result(number, trial) for number, trial in enumerate(finished))
    for number in range(len(finished), params.trials):
        with _quiet():
            sampler = _sampler(params, number, tune_rate=tune_rate)
            trial = _run_trial(study, _space(params, tune_rate=tune_rate), objective, sampler)
        yield _result(number, trial)


def best_trial(trials: list[TrialResult]) -> TrialResult:
    """The trial with the highest score among those that were not pruned; of equal ones the first.

    Raises:
        ModelError: every trial was pruned.
    """
    complete = [trial for trial in trials if not trial.pruned and trial.score is not None]
    if not complete:
        raise ModelError(
            f"none of the {len(trials)} trials came to its end: their losses grew without bound. "
            "Lower tune.learning_rate in params.yaml"
        )
    return max(complete, key=lambda trial: (trial.score, -trial.number))


Space = Callable[[Trial], Candidate]


def _space(params: TuneParams, *, tune_rate: bool) -> Space:
    def ask(trial: Trial) -> Candidate:
        return Candidate(
            batch_size=trial.suggest_categorical("batch_size", params.batch_sizes),
            optimizer=trial.suggest_categorical("optimizer", params.optimizers),
            learning_rate=trial.suggest_float("learning_rate", *params.learning_rate, log=True)
            if tune_rate
            else None,
            head=trial.suggest_categorical("head", params.heads),
        )

    return ask


def _open_study(journal: Path, name: str, params: TuneParams) -> optuna.Study:
    journal.parent.mkdir(parents=True, exist_ok=True)
    study = optuna.create_study(
        study_name=name,
        storage=JournalStorage(JournalFileBackend(str(journal))),
        load_if_exists=True,
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(
            n_startup_trials=_UNPRUNED_TRIALS, n_warmup_steps=params.epochs // 3
        ),
    )
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    return study


def _run_trial(study: optuna.Study, space: Space, objective: Objective, sampler: BaseSampler) -> FrozenTrial:
    study.sampler = sampler
    trial = study.ask()
    candidate = space(trial)
    trial.set_user_attr("candidate", asdict(candidate))
    best = -math.inf
    for epoch, score in enumerate(objective(candidate)):
        if math.isnan(score):
            return study.tell(trial, state=TrialState.PRUNED)
        best = max(best, score)
        trial.report(score, epoch)
        if trial.should_prune():
            return study.tell(trial, state=TrialState.PRUNED)
    return study.tell(trial, best)


def _sampler(params: TuneParams, number: int, *, tune_rate: bool) -> BaseSampler:
    """The first trial is the middle of the space: the first of each list, the middle of the rates."""
    sampler = TPESampler(seed=params.seed + number, n_startup_trials=_RANDOM_TRIALS)
    if number > 0:
        return sampler
    middle: dict[str, Any] = {
        "batch_size": params.batch_sizes[0],
        "optimizer": params.optimizers[0],
        "head": params.heads[0],
    }
    if tune_rate:
        middle["learning_rate"] = math.sqrt(math.prod(params.learning_rate))
    return PartialFixedSampler(middle, sampler)


def _finished(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED))


def _result(number: int, trial: FrozenTrial) -> TrialResult:
    scores = tuple(score for _, score in sorted(trial.intermediate_values.items()))
    candidate = Candidate(**trial.user_attrs["candidate"])
    return TrialResult(number, candidate, trial.state is TrialState.PRUNED, scores)


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna says what it does on its own logger; ours is one line a trial."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
