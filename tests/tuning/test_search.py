import math
import shutil

import optuna
import pytest
from searches import PARAMS, objective, params, run

from lungml.tuning.storage import Place, opened_study
from lungml.tuning.trials import best_trial


class KilledError(Exception):
    """Stands for the end of the process."""


def counted(calls, objective=objective):
    def each(candidate):
        calls.append(candidate)
        return objective(candidate)

    return each


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return run(tmp_path_factory.mktemp("whole"))


def study_in(folder):
    with opened_study(Place(folder / "study.log"), "study", joins=True) as (study, _):
        return study


def test_the_same_seed_gives_the_same_trials(tmp_path, whole):
    assert run(tmp_path) == whole


def test_another_seed_gives_other_trials(tmp_path, whole):
    first, *others = run(tmp_path, params(seed=2, trials=6))

    assert first == whole[0]
    assert not {trial.candidate.values["learning_rate"] for trial in others} & {
        trial.candidate.values["learning_rate"] for trial in whole
    }


@pytest.mark.parametrize("killed_at", [(1,), (2, 3, 9)])
def test_a_search_that_failed_goes_on_to_the_same_trials(tmp_path, whole, killed_at):
    started = 0

    def until_killed(candidate):
        nonlocal started
        started += 1
        (scores,) = objective(candidate)
        first = next(scores)

        def epochs():
            yield first
            if started in killed_at:
                raise KilledError
            yield from scores

        yield epochs()

    for _ in killed_at:
        with pytest.raises(KilledError):
            run(tmp_path, objective=until_killed)
    resumed = run(tmp_path, objective=until_killed)

    assert started == PARAMS.trials + len(killed_at)
    assert resumed == whole


def test_a_search_that_is_done_trains_nothing(tmp_path):
    first = run(tmp_path)

    assert run(tmp_path, objective=None) == first


def test_a_larger_budget_adds_to_the_trials_that_are_there(tmp_path):
    first, calls = run(tmp_path, params(trials=6)), []

    assert run(tmp_path, objective=counted(calls))[:6] == first
    assert len(calls) == 4


def test_trials_stay_in_the_space_and_unpromising_ones_are_pruned(whole):
    assert len(whole) == 10
    for trial in whole:
        assert trial.candidate.values["batch_size"] in {16, 32}
        assert trial.candidate.values["head"] in {"linear", "mlp"}
        assert 1e-4 <= trial.candidate.values["learning_rate"] <= 1e-2
        assert len(trial.scores) < 6 if trial.pruned else len(trial.scores) == 6
    pruned = [trial for trial in whole if trial.pruned]
    assert pruned
    assert max(trial.score for trial in pruned) < best_trial(whole).score


def test_the_search_finds_the_known_best(tmp_path):
    best = best_trial(run(tmp_path, params(trials=40))).candidate.values

    assert best["head"] == "mlp"
    assert 2e-3 < best["learning_rate"] < 4.5e-3


def test_a_training_that_diverges_is_pruned_and_never_the_best(tmp_path):
    def diverges(candidate):
        yield iter([math.nan if candidate.values["head"] == "linear" else 0.4] * 6)

    trials = run(tmp_path, objective=diverges)

    assert {trial.candidate.values["head"] for trial in trials if trial.pruned} == {"linear"}
    assert best_trial(trials).candidate.values["head"] == "mlp"
    assert next(trial for trial in trials if trial.pruned).score is None


def test_a_candidate_that_comes_again_is_not_trained_again(tmp_path):
    four = params(trials=12, space=PARAMS.space.model_dump() | {"batch_size": [16], "learning_rate": [3e-3]})
    calls = []

    trials = run(tmp_path, four, counted(calls))

    told = {tuple(trial.candidate.values.items()): trial.scores for trial in trials}
    assert len(trials) == 12
    assert len(calls) == len(told) <= 4
    assert all(trial.scores == told[tuple(trial.candidate.values.items())] for trial in trials)


def by_fold(folds_of):
    """Two folds of six epochs, each with one score."""

    def objective(candidate):
        for score in folds_of(candidate):
            yield iter([score] * 6)

    return objective


def test_the_value_of_a_trial_is_the_mean_of_the_best_epochs_of_its_folds(tmp_path):
    def folds(_):
        yield iter([0.2, 0.8, 0.6])
        yield iter([0.3, 0.1, 0.4])

    (trial,) = run(tmp_path, params(trials=1, folds=2, epochs=3), folds)

    assert trial.value == pytest.approx((0.8 + 0.4) / 2)
    assert trial.scores == pytest.approx((0.2, 0.8, 0.6, (0.8 + 0.3) / 2, (0.8 + 0.1) / 2, (0.8 + 0.4) / 2))


def test_epochs_of_the_head_alone_are_counted_in_every_fold(tmp_path):
    def folds(_):
        yield iter([0.2, 0.8, 0.6])
        yield iter([0.3, 0.1, 0.4])

    (trial,) = run(tmp_path, params(trials=1, folds=2, head_epochs=1, epochs=2), folds)

    assert trial.scores == pytest.approx((0.2, 0.8, 0.6, (0.8 + 0.3) / 2, (0.8 + 0.1) / 2, (0.8 + 0.4) / 2))


def test_a_candidate_that_fails_on_a_hard_fold_is_pruned_there(tmp_path):
    """Fold 0 is easy for all, fold 1 is hard: its scores are below every score of fold 0."""

    def folds(candidate):
        return (0.9, 0.5) if candidate.values["head"] == "mlp" else (0.9, 0.2)

    trials = run(tmp_path, params(folds=2, trials=16), by_fold(folds))

    late = [trial for trial in trials if trial.pruned]
    assert late
    assert {trial.candidate.values["head"] for trial in late} == {"linear"}
    assert {len(trial.scores) for trial in late} == {7}


def test_a_candidate_that_fails_on_the_first_fold_never_sees_the_second(tmp_path):
    seen = []

    def folds(candidate):
        yield 0.8 if candidate.values["head"] == "mlp" else 0.3
        seen.append(candidate.values["head"])
        yield 0.8

    trials = run(tmp_path, params(folds=2, trials=16), by_fold(folds))

    assert sum(trial.pruned for trial in trials) > 0
    assert seen.count("linear") < sum(trial.candidate.values["head"] == "linear" for trial in trials)


def test_a_worker_taken_for_dead_drops_its_trial_and_goes_on(tmp_path, whole):
    """Its machine slept: another worker has ended its trial, so what it still says does not count."""
    attempts = []

    def asleep(candidate):
        attempts.append(candidate)
        if len(attempts) == 3:
            study_in(tmp_path).tell(2, state=optuna.trial.TrialState.FAIL)
        return objective(candidate)

    trials = run(tmp_path, objective=asleep)

    assert len(attempts) == 11
    assert trials == whole


def test_of_two_trials_for_one_place_the_first_is_trained(tmp_path):
    """Two workers saw the same dead trial and queued one each."""
    run(tmp_path, params(trials=2))
    study = study_in(tmp_path)
    for _ in range(3):
        study.add_trial(optuna.create_trial(state=optuna.trial.TrialState.WAITING, user_attrs={"slot": 2}))
    calls = []

    trials = run(tmp_path, params(trials=4), counted(calls))

    assert [trial.number for trial in trials] == [0, 1, 2, 3]
    assert len(calls) == 2


def test_a_helper_ends_quietly_when_the_search_is_over_and_its_journal_removed(tmp_path):
    run(tmp_path, params(trials=2))

    def meanwhile(candidate):
        shutil.rmtree(tmp_path)
        return objective(candidate)

    assert [trial.number for trial in run(tmp_path, objective=meanwhile, joins=True)] == [0, 1]
    assert not tmp_path.exists()


def test_a_missing_file_in_a_training_is_not_taken_for_the_end_of_the_search(tmp_path):
    run(tmp_path, params(trials=1))

    def without_weights(candidate):
        raise FileNotFoundError("weights")

    with pytest.raises(FileNotFoundError, match="weights"):
        run(tmp_path, objective=without_weights, joins=True)


def test_optunas_own_words_stay_unsaid(tmp_path, capfd):
    run(tmp_path, params(trials=1))

    assert capfd.readouterr() == ("", "")
