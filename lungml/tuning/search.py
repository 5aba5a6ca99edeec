"""The loop of a worker: take a trial, train it fold by fold, prune it, until the budget is finished.

Trials are numbered by the storage in one step, so no two workers ever train the same one. The budget counts
finished trials: complete ones and pruned ones.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.trial import FrozenTrial, Trial, TrialState

from lungml.errors import MissingInputError
from lungml.params.model import TuneParams
from lungml.tuning.candidate import Candidate
from lungml.tuning.sampling import SlotSampler, ask, first_attempts, slot_of
from lungml.tuning.storage import VARIABLE, Place, bury_dead, give_back, open_storage, requeue, sign
from lungml.tuning.trials import TrialResult

_UNPRUNED_TRIALS = 2
_POLL_S = 1.0
_LOST_AFTER = 10
"""Polls without anybody at work before a place in the budget counts as lost."""

Objective = Callable[[Candidate], Iterator[Iterator[float]]]
"""A candidate -> for each fold the score after each epoch. NaN: it diverged, so the trial is pruned."""


def search(
    tune: TuneParams, objective: Objective, *, place: Place, name: str, joins: bool = False
) -> Iterator[TrialResult]:
    """Work on a study; yield finished trials, whoever trained them, until there are `tune.trials`.

    Args:
        tune: space, budget and seed.
        objective: trains one candidate.
        place: where the study is kept while it is not done.
        name: of the study; one with another name in the same place is left alone.
        joins: help with a study that another worker has begun, instead of beginning it.
    """
    with quiet():
        worker = _Worker(tune, objective, place, _open_study(tune, place, name, joins=joins))
        if not joins:
            worker.recover_lost()
    told: set[int] = set()
    while True:
        finished = worker.finished()
        yield from (trial for trial in finished if trial.number not in told)
        told |= {trial.number for trial in finished}
        if len(told) >= tune.trials:
            return
        with quiet():
            worker.work()


@dataclass
class _Worker:
    """A worker of a study, at trial `current`.

    `idle` counts the polls in which it found nothing to do and nobody at work.
    """

    tune: TuneParams
    objective: Objective
    place: Place
    study: optuna.Study
    current: int | None = None
    idle: int = 0

    def finished(self) -> list[TrialResult]:
        """The finished trials of the budget by number; should two have one place, the first counts."""
        by_slot: dict[int, FrozenTrial] = {}
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.PRUNED)):
            by_slot.setdefault(slot_of(self.study, trial), trial)
        return [_result(slot, by_slot[slot]) for slot in sorted(by_slot) if slot < self.tune.trials]

    def work(self) -> None:
        """Train one trial; or wait a moment, if others train the last ones."""
        bury_dead(self.study, self.place)
        if self._is_work_left():
            self.idle = 0
            self._train_next()
            return
        time.sleep(_POLL_S)
        self.idle = 0 if self._trials(TrialState.RUNNING) else self.idle + 1
        if self.idle >= _LOST_AFTER:
            self.recover_lost()

    def _train_next(self) -> None:
        self.current = None
        try:
            self.study.optimize(self._train, n_trials=1)
        except BaseException:
            if self.current is not None:
                give_back(self.study, self.study.get_trials(deepcopy=False)[self.current])
            raise

    def recover_lost(self) -> None:
        """Queue a trial for each place in the budget whose worker ended without giving it back."""
        kept = {slot_of(self.study, trial) for trial in self._trials(*_KEPT)}
        for trial in first_attempts(self.study):
            slot = slot_of(self.study, trial)
            if slot < self.tune.trials and slot not in kept:
                requeue(self.study, trial)

    def _is_work_left(self) -> bool:
        return bool(self._trials(TrialState.WAITING)) or len(first_attempts(self.study)) < self.tune.trials

    def _trials(self, *states: TrialState) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False, states=states)

    def _train(self, trial: Trial) -> float:
        """Train a trial; NaN, by which Optuna drops it, if others took the last places meanwhile."""
        own = self.study.get_trials(deepcopy=False)[trial.number]
        if slot_of(self.study, own) >= self.tune.trials:
            return math.nan
        sign(trial)
        self.current = trial.number
        return self._train_folds(trial)

    def _train_folds(self, trial: Trial) -> float:
        best: list[float] = []
        step = 0
        for scores in self.objective(ask(self.tune, trial)):
            best.append(-math.inf)
            for score in scores:
                if math.isnan(score):
                    raise optuna.TrialPruned
                trial.report(math.fsum([*best[:-1], score]) / len(best), step)
                if trial.should_prune():
                    raise optuna.TrialPruned
                best[-1] = max(best[-1], score)
                step += 1
        return math.fsum(best) / len(best)


_KEPT = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING, TrialState.WAITING)


def _open_study(tune: TuneParams, place: Place, name: str, *, joins: bool) -> optuna.Study:
    if joins:
        study = _join_study(place, name)
    else:
        storage = open_storage(place)
        study = optuna.create_study(
            study_name=name, storage=storage, load_if_exists=True, direction="maximize"
        )
    study.sampler = SlotSampler(tune)
    # The median needs no more than a few trials, and so few are the rule here; Hyperband divides them among
    # brackets, in each of which the sampler starts anew.
    study.pruner = optuna.pruners.MedianPruner(
        n_startup_trials=_UNPRUNED_TRIALS, n_warmup_steps=tune.epochs // 3
    )
    return study


def _join_study(place: Place, name: str) -> optuna.Study:
    if place.is_shared or place.journal.exists():
        with suppress(KeyError):
            return optuna.load_study(study_name=name, storage=open_storage(place))
    raise MissingInputError(
        "there is no such search to help with; start it with `dvc repro` or `lungml tune`, with the same "
        f"params.yaml, data and {VARIABLE}"
    )


def _result(number: int, trial: FrozenTrial) -> TrialResult:
    scores = tuple(score for _, score in sorted(trial.intermediate_values.items()))
    pruned = trial.state is TrialState.PRUNED
    return TrialResult(number, Candidate(trial.params), pruned, scores, None if pruned else trial.value)


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna says what it does on its own logger; ours is one line a trial."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
