"""The loop of a worker: take a trial, train it fold by fold, prune it, until the budget is finished.

A trial has a place in the budget (its slot). The storage numbers trials in one step, so workers get different
slots. A slot whose trial failed (its worker died, was stopped or met an error) gets another trial, queued by
whoever sees it; should two see it at once, the trial with the lower number is trained and the other dropped.
Workers draw candidates one after the other. Who draws what another is at work on waits for its result.
The budget counts finished trials: complete ones and pruned ones.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from lungml.params.model import TuneParams
from lungml.tuning.attendance import Attendance
from lungml.tuning.candidate import Candidate
from lungml.tuning.quiet import quiet
from lungml.tuning.sampling import SLOT, SlotSampler, draw_candidate, slots_of
from lungml.tuning.storage import Place, opened_study
from lungml.tuning.trials import TrialResult

_UNPRUNED_TRIALS = 2
_POLL_S = 1.0
_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
_LIVE = (*_FINISHED, TrialState.RUNNING, TrialState.WAITING)

Objective = Callable[[Candidate], Iterator[Iterator[float]]]
"""A candidate -> for each fold the score after each epoch, from 0 to 1. NaN: it diverged, and is pruned."""


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

    Raises:
        MissingInputError: there is no study to help with.
        ServiceError: the database does not answer.
    """
    try:
        with opened_study(place, name, joins=joins) as (study, attendance):
            study.sampler = SlotSampler(tune)
            study.pruner = _pruner(tune)
            yield from _Worker(tune, objective, study, attendance).until_finished()
    except FileNotFoundError:
        # The worker that began the search has seen its end and removed the journal.
        if not (joins and place.is_gone()):
            raise


@dataclass(frozen=True)
class _Worker:
    """A worker of a study."""

    tune: TuneParams
    objective: Objective
    study: optuna.Study
    attendance: Attendance

    def until_finished(self) -> Iterator[TrialResult]:
        """Work; yield finished trials as they become known."""
        told: set[int] = set()
        while True:
            finished = self._finished()
            yield from (trial for trial in finished if trial.number not in told)
            told |= {trial.number for trial in finished}
            if len(told) >= self.tune.trials:
                return
            with quiet():
                self._work()

    def _finished(self) -> list[TrialResult]:
        trials = self._trials()
        slots = slots_of(trials)
        done = {slots[trial.number]: trial for trial in trials if trial.state in _FINISHED}
        return [_result(self.tune, slot, done[slot]) for slot in sorted(done) if slot < self.tune.trials]

    def _work(self) -> None:
        """Train one trial; or wait a moment, if others train the last ones."""
        self.attendance.bury_dead(self.study)
        self._requeue_failed()
        if self._is_work_left():
            self._train_next()
        else:
            time.sleep(_POLL_S)

    def _requeue_failed(self) -> None:
        trials = self._trials()
        slots = slots_of(trials)
        live = {slots[trial.number] for trial in trials if trial.state in _LIVE}
        for slot in sorted(set(slots.values()) - live):
            if slot < self.tune.trials:
                self.study.add_trial(create_trial(state=TrialState.WAITING, user_attrs={SLOT: slot}))

    def _is_work_left(self) -> bool:
        trials = self._trials()
        waiting = any(trial.state is TrialState.WAITING for trial in trials)
        return waiting or len(set(slots_of(trials).values())) < self.tune.trials

    def _train_next(self) -> None:
        trial = self.study.ask()
        if not self._is_needed(trial):
            self._end(trial, TrialState.FAIL)
            return
        with suppress(UpdateFinishedTrialError), self.attendance.at_work(self.study, trial):
            try:
                value = self._value(trial)
            except optuna.TrialPruned:
                self._end(trial, TrialState.PRUNED)
            except _TwinFailedError:
                self._end(trial, TrialState.FAIL)  # so the slot is drawn anew
            except BaseException:
                self._end(trial, TrialState.FAIL)
                raise
            else:
                self._end(trial, TrialState.COMPLETE, value)

    def _is_needed(self, trial: Trial) -> bool:
        """Whether the trial has a place in the budget that no earlier one fills."""
        trials = self._trials()
        slots = slots_of(trials)
        slot = slots[trial.number]
        rivals = [other for other in trials if other.number < trial.number and slots[other.number] == slot]
        return slot < self.tune.trials and all(other.state not in _LIVE for other in rivals)

    def _value(self, trial: Trial) -> float:
        with self.attendance.drawing(self.study):
            candidate = draw_candidate(self.tune, trial)
            twin = self._twin_of(trial)
        return self._train(trial, candidate) if twin is None else _repeat(trial, self._ended(twin))

    def _train(self, trial: Trial, candidate: Candidate) -> float:
        best: list[float] = []
        for fold, scores in enumerate(self.objective(candidate)):
            best.append(-math.inf)
            for epoch, score in enumerate(scores):
                if math.isnan(score):
                    raise optuna.TrialPruned
                # A sum over folds never falls from one to the next, so the pruner, which looks at the highest
                # report so far, looks at this fold.
                so_far = math.fsum([*best[:-1], score]) / self.tune.folds
                trial.report(so_far, fold * self.tune.all_epochs + epoch)
                if trial.should_prune():
                    raise optuna.TrialPruned
                best[-1] = max(best[-1], score)
        return math.fsum(best) / self.tune.folds

    def _twin_of(self, trial: Trial) -> FrozenTrial | None:
        """A trial with the same values: training is deterministic, so it would end the same.

        It is finished, or else somebody is at work on it.
        """
        states = (*_FINISHED, TrialState.RUNNING)
        others = self.study.get_trials(deepcopy=False, states=states)
        twins = [other for other in others if other.number != trial.number and other.params == trial.params]
        return min(twins, key=lambda twin: (twin.state is TrialState.RUNNING, twin.number), default=None)

    def _ended(self, twin: FrozenTrial) -> FrozenTrial:
        """Wait for a trial to end.

        Raises:
            _TwinFailedError: it came to nothing.
        """
        while twin.state is TrialState.RUNNING:
            time.sleep(_POLL_S)
            self.attendance.bury_dead(self.study)
            twin = next(trial for trial in self._trials() if trial.number == twin.number)
        if twin.state not in _FINISHED:
            raise _TwinFailedError
        return twin

    def _end(self, trial: Trial, state: TrialState, value: float | None = None) -> None:
        self.study.tell(trial, value, state, skip_if_finished=True)

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)


class _TwinFailedError(Exception):
    """The trial whose result another was to take came to nothing."""


def _pruner(tune: TuneParams) -> optuna.pruners.BasePruner:
    # The median needs no more than a few trials, and so few are the rule here; Hyperband divides them among
    # brackets, in each of which the sampler starts anew.
    return optuna.pruners.MedianPruner(n_startup_trials=_UNPRUNED_TRIALS, n_warmup_steps=tune.all_epochs // 3)


def _repeat(trial: Trial, twin: FrozenTrial) -> float:
    for step, value in sorted(twin.intermediate_values.items()):
        trial.report(value, step)
    if twin.state is TrialState.PRUNED or twin.value is None:
        raise optuna.TrialPruned
    return twin.value


def _result(tune: TuneParams, slot: int, trial: FrozenTrial) -> TrialResult:
    """A trial as others see it: what was reported, as a mean of the folds it had begun."""
    scores = tuple(
        reported * tune.folds / (step // tune.all_epochs + 1)
        for step, reported in sorted(trial.intermediate_values.items())
    )
    pruned = trial.state is TrialState.PRUNED
    return TrialResult(slot, Candidate(trial.params), pruned, scores, None if pruned else trial.value)
