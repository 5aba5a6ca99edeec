import pytest

from lungml.errors import ModelError
from lungml.tuning.candidate import Candidate
from lungml.tuning.trials import TrialResult, best_trial

CANDIDATE = Candidate({"head": "linear"})


def test_a_search_without_a_complete_trial_is_refused():
    lost = TrialResult(0, CANDIDATE, pruned=True, scores=(0.9,))

    with pytest.raises(ModelError, match=r"none of the 1 trials .* tune\.space\.learning_rate"):
        best_trial([lost])


def test_of_equal_trials_the_first_is_the_best():
    trials = [TrialResult(number, CANDIDATE, False, (0.5, 0.4), 0.5) for number in (2, 0, 1)]

    assert best_trial(trials).number == 0


def test_the_best_trial_has_the_best_mean_over_folds_not_the_best_epoch():
    lucky = TrialResult(0, CANDIDATE, False, (0.9, 0.6), 0.6)
    steady = TrialResult(1, CANDIDATE, False, (0.7, 0.7), 0.7)

    assert best_trial([lucky, steady]) is steady
