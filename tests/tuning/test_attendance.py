"""Workers that are real processes, and die by SIGKILL."""

import itertools

import optuna
import pytest
from searches import PARAMS, Worker, as_rows, begun, params, run, wait_until

from lungml.tuning.attendance import LockAttendance
from lungml.tuning.quiet import quiet
from lungml.tuning.sampling import slots_of
from lungml.tuning.search import search
from lungml.tuning.storage import Place, opened_study, place_of

pytest_plugins = ["postgres_server"]
pytestmark = pytest.mark.timeout(600)

RUNNING, FAIL = optuna.trial.TrialState.RUNNING, optuna.trial.TrialState.FAIL
FINISHED = (optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED)


@pytest.fixture
def start(tmp_path):
    """Start a worker; at the end all are dead."""
    workers = []

    def one(**options):
        workers.append(Worker(tmp_path / "log", **options))
        return workers[-1]

    yield one
    for worker in workers:
        worker.kill()


def trials_in(place):
    with opened_study(place, "study", joins=True) as (study, _):
        return study.get_trials()


def states(study):
    return [trial.state for trial in study.get_trials(deepcopy=False)]


def test_a_trial_of_a_worker_that_is_alive_is_left_alone(tmp_path):
    other = LockAttendance(tmp_path)
    with opened_study(Place(tmp_path / "study.log"), "study", joins=False) as (study, attendance):
        with attendance.at_work(study, study.ask()):
            other.bury_dead(study)
            assert states(study) == [RUNNING]

        other.bury_dead(study)
        assert states(study) == [FAIL]


def test_searches_in_one_journal_do_not_wait_for_each_other(tmp_path):
    """Parameters were changed, and a helper still works on the search there was before."""
    place = Place(tmp_path / "study.log")
    with opened_study(place, "before", joins=False) as (old, helping), helping.at_work(old, old.ask()):
        assert len(run(tmp_path, params(trials=1))) == 1
        assert states(old) == [RUNNING]


def test_a_worker_buried_before_it_could_show_itself_learns_it(tmp_path):
    with opened_study(Place(tmp_path / "study.log"), "study", joins=False) as (study, attendance):
        trial = study.ask()
        LockAttendance(tmp_path).bury_dead(study)

        with pytest.raises(optuna.exceptions.UpdateFinishedTrialError), attendance.at_work(study, trial):
            pytest.fail("it begins to work")


@pytest.mark.slow
def test_a_search_whose_process_was_killed_goes_on_to_the_same_trials(tmp_path, start):
    journal = tmp_path / "study.log"
    for trainings in (1, 4):
        first = start(journal=journal, epoch_s=0.2)
        wait_until(lambda: len(begun(tmp_path / "log")) >= trainings)  # noqa: B023 - it is over before the next
        first.kill()

    resumed = start(journal=journal).trials()

    assert resumed == as_rows(run(tmp_path / "whole"))
    assert len(begun(tmp_path / "log")) == PARAMS.trials + 2


@pytest.mark.slow
def test_workers_of_one_machine_share_a_journal_and_take_over_from_a_killed_one(tmp_path, start):
    place = {"journal": tmp_path / "study.log", "tune": params(trials=14), "epoch_s": 0.1}

    told = three_workers_of_which_one_dies(tmp_path, start, place)

    check_that_no_work_was_done_twice(tmp_path, Place(tmp_path / "study.log"), told, trials=14)


@pytest.mark.slow
def test_workers_share_a_database_and_take_over_from_a_killed_one(tmp_path, start, database):
    place = place_of(tmp_path, {"LUNGML_TUNE_STORAGE": database})
    options = {"url": place.url, "heartbeat_s": 1, "tune": params(trials=14), "epoch_s": 0.1}

    told = three_workers_of_which_one_dies(tmp_path, start, options)

    check_that_no_work_was_done_twice(tmp_path, place, told, trials=14)


def three_workers_of_which_one_dies(folder, start, options):
    """What the two others say; all begin at once on an empty place."""
    log = folder / "log"
    workers = [start(**options) for _ in range(3)]
    wait_until(lambda: len(set(begun(log))) == 3)
    workers[1].kill()
    return [workers[0].trials(), workers[2].trials()]


FEW = {"batch_size": [16, 32], "optimizer": ["adamw"], "learning_rate": [3e-3], "head": ["linear", "mlp"]}


@pytest.mark.parametrize("kept_in", ["journal", pytest.param("database", marks=pytest.mark.slow)])
def test_no_candidate_is_trained_by_two_workers(tmp_path, start, kept_in, request):
    """Three workers and four candidates: they draw what another is at work on, and take what comes of it."""
    place = {"journal": tmp_path / "study.log"}
    if kept_in == "database":
        url = place_of(tmp_path, {"LUNGML_TUNE_STORAGE": request.getfixturevalue("database")}).url
        place = {"url": url, "heartbeat_s": 1}
    tune = params(trials=10, space=FEW)
    workers = [start(tune=tune, epoch_s=0.3, **place) for _ in range(3)]

    told = [worker.trials() for worker in workers]

    assert told[0] == told[1] == told[2]
    different = {tuple(values.items()) for _, values, *_ in told[0]}
    assert len(told[0]) == 10
    assert len(begun(tmp_path / "log")) == len(different)


def test_of_a_candidate_whose_worker_is_killed_another_worker_takes_over(tmp_path, start):
    """The other waits for what comes of it, since there is no other candidate."""
    tune = params(trials=2, space=FEW | {"batch_size": [16], "head": ["mlp"]})
    first = start(journal=tmp_path / "study.log", tune=tune, epoch_s=100)
    wait_until(lambda: len(begun(tmp_path / "log")) == 1)
    second = start(journal=tmp_path / "study.log", tune=tune)
    wait_until(lambda: len(trials_in(Place(tmp_path / "study.log"))) == 2)

    first.kill()

    assert [number for number, *_ in second.trials()] == [0, 1]
    assert begun(tmp_path / "log") == [first.process.pid, second.process.pid]


def check_that_no_work_was_done_twice(folder, place, told, *, trials):
    found = trials_in(place)
    slots = slots_of(found)
    assert told[0] == told[1]
    assert [number for number, *_ in told[0]] == list(range(trials))
    assert sorted(slots[trial.number] for trial in found if trial.state in FINISHED) == list(range(trials))
    assert len(begun(folder / "log")) == trials + 1
    assert {trial.state for trial in found} <= {*FINISHED, FAIL}


@pytest.mark.slow
def test_a_search_in_a_database_goes_on_to_the_same_trials(tmp_path, start, database):
    options = {"url": place_of(tmp_path, {"LUNGML_TUNE_STORAGE": database}).url, "heartbeat_s": 1}
    first = start(**options, epoch_s=0.2)
    wait_until(lambda: len(begun(tmp_path / "log")) >= 3)
    first.kill()

    assert start(**options).trials() == as_rows(run(tmp_path / "whole"))


@pytest.mark.slow
def test_a_trial_whose_worker_died_before_its_first_heartbeat_is_noticed(tmp_path, database):
    url = place_of(tmp_path, {"LUNGML_TUNE_STORAGE": database}).url
    place = Place(tmp_path, url, heartbeat_s=1)
    with opened_study(place, "study", joins=False) as (study, _), quiet():
        study.ask()

    trials = list(search(params(trials=2), one_epoch, place=place, name="study"))

    assert sorted(trial.number for trial in trials) == [0, 1]
    assert [trial.state for trial in trials_in(place)].count(FAIL) == 1


def one_epoch(_):
    yield iter([0.5] * 6)


@pytest.mark.slow
def test_a_database_that_is_away_for_a_moment_costs_no_trial(tmp_path, postgres):
    url = place_of(tmp_path, {"LUNGML_TUNE_STORAGE": postgres.new_database()}).url
    place = Place(tmp_path, url, heartbeat_s=1)

    def restarts(_):
        postgres.stop()
        postgres.start()
        yield iter([0.5] * 6)

    trials = list(search(params(trials=1), restarts, place=place, name="study"))

    assert len(trials) == len(trials_in(place)) == 1


@pytest.mark.slow
def test_many_workers_may_make_the_tables_at_once(tmp_path, start, database):
    url = place_of(tmp_path, {"LUNGML_TUNE_STORAGE": database}).url
    workers = [start(url=url, tune=params(trials=4)) for _ in range(5)]

    told = [worker.trials() for worker in workers]

    assert all(first == second for first, second in itertools.pairwise(told))
