"""How much each hyper-parameter of a search mattered."""

from __future__ import annotations

from collections.abc import Sequence

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState, create_trial

from lungml.params.model import TuneParams
from lungml.tuning.sampling import distribution_of
from lungml.tuning.search import quiet
from lungml.tuning.trials import TrialResult

_FEWEST_TRIALS = 4


def importances(tune: TuneParams, trials: Sequence[TrialResult]) -> dict[str, float]:
    """How much each hyper-parameter that varied tells good trials from others; shares sum to 1.

    Empty for fewer than 4 complete trials or where their scores are all alike. With few trials it is a hint.

    Source: PED-ANOVA, Watanabe et al. 2023, arXiv 2304.10255.
    """
    complete = [trial for trial in trials if not trial.pruned and trial.value is not None]
    if len(complete) < _FEWEST_TRIALS or len({trial.value for trial in complete}) == 1:
        return {}
    with quiet():
        study = optuna.create_study(direction="maximize")
        for trial in complete:
            study.add_trial(_as_optuna_knows_it(tune, trial))
        shares = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    drawn = {name: {trial.candidate.values.get(name) for trial in complete} for name in tune.space}
    return {name: float(share) for name, share in shares.items() if len(drawn[name]) > 1}


def _as_optuna_knows_it(tune: TuneParams, trial: TrialResult) -> optuna.trial.FrozenTrial:
    values = dict(trial.candidate.values)
    return create_trial(
        state=TrialState.COMPLETE,
        value=trial.value,
        params=values,
        distributions={name: distribution_of(tune, name) for name in values},
    )
