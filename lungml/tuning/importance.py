"""How much each hyper-parameter of a search mattered."""

from __future__ import annotations

from collections.abc import Sequence

import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState, create_trial

from lungml.params.model import TuneParams
from lungml.tuning.quiet import quiet
from lungml.tuning.sampling import distribution_of
from lungml.tuning.trials import TrialResult

_FEWEST_TRIALS = 20
"""With fewer, one that matters cannot be told from one that does not (docs/decisions)."""


def importances(tune: TuneParams, trials: Sequence[TrialResult]) -> dict[str, float]:
    """How much of the variance of scores each hyper-parameter that varied explains; shares sum to 1.

    Pruned trials count with what they had reached, diverged ones with the lowest score of all: without them
    only good candidates would be compared. One that some trials lack, as the learning rate can be, has no
    share. Empty for fewer than 20 trials, or where their scores are all alike.

    Source: fANOVA, Hutter et al. 2014, proceedings.mlr.press/v32/hutter14.html.
    """
    scores = [trial.score for trial in trials if trial.score is not None]
    if len(trials) < _FEWEST_TRIALS or len(set(scores)) < 2:
        return {}
    with quiet():
        study = optuna.create_study(direction="maximize")
        for trial in trials:
            study.add_trial(_as_optuna_knows_it(tune, trial, lowest=min(scores)))
        shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=tune.seed))
    drawn = {name: {trial.candidate.values.get(name) for trial in trials} for name in tune.space}
    return {name: float(share) for name, share in shares.items() if len(drawn[name]) > 1}


def _as_optuna_knows_it(tune: TuneParams, trial: TrialResult, *, lowest: float) -> optuna.trial.FrozenTrial:
    values = dict(trial.candidate.values)
    return create_trial(
        state=TrialState.COMPLETE,
        value=lowest if trial.score is None else trial.score,
        params=values,
        distributions={name: distribution_of(tune, name) for name in values},
    )
