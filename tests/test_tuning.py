import math

import pytest

from lungml.errors import ModelError
from lungml.params.model import TuneParams
from lungml.tuning import Candidate, TrialResult, best_trial, search

PARAMS = TuneParams(trials=10, epochs=6, learning_rate=(1e-4, 1e-2), seed=1)


class KilledError(Exception):
    """Stands for the end of the process."""


def objective(candidate):
    """Best at a rate of 3e-3 with the mlp head; grows over 6 epochs."""
    score = 1 - abs(math.log10(candidate.learning_rate / 3e-3)) / 3 - 0.1 * (candidate.head == "linear")
    for epoch in range(6):
        yield score * (1 - 0.5 ** (epoch + 1))


def run(tmp_path, params=PARAMS, objective=objective, **options):
    return list(search(params, objective, journal=tmp_path / "study.log", name="study", **options))


def test_the_same_seed_gives_the_same_trials(tmp_path):
    assert run(tmp_path / "a") == run(tmp_path / "b")


def test_another_seed_gives_other_trials(tmp_path):
    other = PARAMS.model_copy(update={"seed": 2})

    assert run(tmp_path / "a")[1:] != run(tmp_path / "b", other)[1:]


@pytest.mark.parametrize("killed_at", [(1,), (4, 5), (2, 3, 9)])
def test_a_killed_search_goes_on_to_the_same_trials(tmp_path, killed_at):
    started = 0

    def until_killed(candidate):
        nonlocal started
        started += 1
        scores = list(objective(candidate))
        yield scores[0]
        if started in killed_at:
            raise KilledError
        yield from scores[1:]

    for _ in killed_at:
        with pytest.raises(KilledError):
            run(tmp_path / "killed", objective=until_killed)
    resumed = run(tmp_path / "killed", objective=until_killed)

    assert started == PARAMS.trials + len(killed_at)
    assert resumed == run(tmp_path / "whole")


def test_a_search_that_is_done_trains_nothing(tmp_path):
    first = run(tmp_path)

    assert run(tmp_path, objective=None) == first


def test_the_first_trial_is_the_middle_of_the_space(tmp_path):
    first = run(tmp_path, PARAMS.model_copy(update={"trials": 1}))[0].candidate

    assert first == Candidate(16, "adamw", pytest.approx(1e-3), "linear")


def test_trials_stay_in_the_space_and_unpromising_ones_are_pruned(tmp_path):
    trials = run(tmp_path)

    assert len(trials) == 10
    for trial in trials:
        assert trial.candidate.batch_size in PARAMS.batch_sizes
        assert trial.candidate.head in PARAMS.heads
        assert 1e-4 <= trial.candidate.learning_rate <= 1e-2
        assert len(trial.scores) < 6 if trial.pruned else len(trial.scores) == 6
    pruned = [trial for trial in trials if trial.pruned]
    assert pruned
    assert max(trial.score for trial in pruned) < best_trial(trials).score


def test_the_search_finds_the_known_best(tmp_path):
    best = best_trial(run(tmp_path, PARAMS.model_copy(update={"trials": 40}))).candidate

    assert best.head == "mlp"
    assert 2e-3 < best.learning_rate < 4.5e-3


def test_the_rate_is_left_out_where_the_schedule_has_its_own(tmp_path):
    def by_head(candidate):
        assert candidate.learning_rate is None
        yield float(candidate.head == "mlp")

    trials = run(tmp_path, objective=by_head, tune_rate=False)

    assert best_trial(trials).candidate.head == "mlp"


def test_a_training_that_diverges_is_pruned_and_never_the_best(tmp_path):
    def diverges(candidate):
        if candidate.head == "linear":
            yield math.nan
        yield 0.4

    trials = run(tmp_path, objective=diverges)

    assert {trial.candidate.head for trial in trials if trial.pruned} == {"linear"}
    assert best_trial(trials).candidate.head == "mlp"
    assert next(trial for trial in trials if trial.pruned).score is None


def test_a_search_without_a_finished_trial_is_refused():
    lost = TrialResult(0, Candidate(16, "sgd", 0.01, "linear"), pruned=True, scores=())

    with pytest.raises(ModelError, match=r"none of the 1 trials"):
        best_trial([lost])


def test_of_equal_trials_the_first_is_the_best():
    trials = [TrialResult(n, Candidate(16, "sgd", 0.01, "linear"), False, (0.5, 0.4)) for n in range(3)]

    assert best_trial(trials).number == 0


def test_optunas_own_words_stay_unsaid(tmp_path, capfd):
    run(tmp_path, PARAMS.model_copy(update={"trials": 1}))

    assert capfd.readouterr() == ("", "")
