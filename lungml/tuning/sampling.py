"""Which candidate comes next: TPE, seeded for each trial by its place in the budget.

So the candidates depend on the seed and on what is finished, and neither on the process that asks nor on how
often a search was killed. Several workers that ask at once get different ones.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from optuna import Study
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import BaseSampler, PartialFixedSampler, TPESampler
from optuna.trial import FrozenTrial, Trial, TrialState

from lungml.params.model import ANY_CHOSEN, TuneParams
from lungml.params.space import Range, Scalar, is_whole
from lungml.tuning.candidate import Candidate, middle_of, searched_names, takes_rate

SLOT = "slot"
"""Attribute of a trial that stands in for a dead one: the dead one's place in the budget."""
_FEWEST_RANDOM_TRIALS = 4
"""Before the sampler learns from earlier trials; more where more hyper-parameters are searched."""


def slots_of(trials: Sequence[FrozenTrial]) -> dict[int, int]:
    """Number of each trial -> its place in the budget, from 0; a trial that stands in for one has that one's.

    Args:
        trials: all of a study.
    """
    ordered = sorted(trials, key=lambda trial: trial.number)
    places = itertools.count()
    return {
        trial.number: trial.user_attrs[SLOT] if SLOT in trial.user_attrs else next(places)
        for trial in ordered
    }


def draw_candidate(tune: TuneParams, trial: Trial) -> Candidate:
    """Draw the candidate of a trial; the learning rate only where the schedule that was drawn needs one."""
    values: dict[str, Scalar] = {}
    if "schedule" in tune.space:
        values["schedule"] = _draw(tune, trial, "schedule")
    left_out = set(values) if takes_rate(tune.recipe, values) else {*values, "learning_rate"}
    for name in searched_names(tune):
        if name not in left_out:
            values[name] = _draw(tune, trial, name)
    return Candidate(values)


class SlotSampler(BaseSampler):
    """TPE, seeded by (tune.seed, slot); slot 0 is the middle of the space (`middle_of`)."""

    def __init__(self, tune: TuneParams) -> None:
        self._tune = tune
        self._now: BaseSampler = TPESampler()

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Make the sampler of this trial."""
        slot = slots_of(study.get_trials(deepcopy=False))[trial.number]
        seed = int(np.random.SeedSequence((self._tune.seed, slot)).generate_state(1)[0])
        random_trials = max(_FEWEST_RANDOM_TRIALS, len(self._tune.space.root))
        sampler = TPESampler(seed=seed, n_startup_trials=random_trials)
        self._now = PartialFixedSampler(dict(middle_of(self._tune).values), sampler) if slot == 0 else sampler

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._now.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._now.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        return self._now.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Any) -> None:
        self._now.after_trial(study, trial, state, values)


def distribution_of(
    tune: TuneParams, name: str
) -> CategoricalDistribution | IntDistribution | FloatDistribution:
    """What Optuna calls the entry of a space."""
    searched = tune.space[name]
    if not isinstance(searched, Range):
        return CategoricalDistribution(searched)
    log = searched.scale == "log"
    if is_whole(name, searched, ANY_CHOSEN, tune.recipe):
        return IntDistribution(int(searched.low), int(searched.high), log=log)
    return FloatDistribution(searched.low, searched.high, log=log)


def _draw(tune: TuneParams, trial: Trial, name: str) -> Scalar:
    kind = distribution_of(tune, name)
    drawn: Scalar
    if isinstance(kind, CategoricalDistribution):
        drawn = trial.suggest_categorical(name, kind.choices)  # type: ignore[assignment]  # never None
    elif isinstance(kind, IntDistribution):
        drawn = trial.suggest_int(name, kind.low, kind.high, log=kind.log)
    else:
        drawn = trial.suggest_float(name, kind.low, kind.high, log=kind.log)
    return drawn
