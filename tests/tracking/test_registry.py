import pytest
from model_files import make_record

from lungml.params.evaluation import RegisterParams
from lungml.terms import Task
from lungml.tracking import registry
from lungml.tracking.registry import aliases_of, register

pytest_plugins = ["mlflow_project"]

MODEL = "lungml-nodule-binary"


def runs_of(client):
    experiment = client.get_experiment_by_name("lungml/nodule-binary")
    runs = client.search_runs([experiment.experiment_id])
    return [run for run in runs if "record_sha256" in run.data.tags]


def versions_of(client):
    return sorted(client.search_model_versions(f"name = '{MODEL}'"), key=lambda version: int(version.version))


def test_a_first_model_becomes_challenger_and_champion(project, client, params):
    registration = register(make_record(project / "model", params), RegisterParams())

    assert registration.version == 1
    assert registration.aliases == ("challenger", "champion")
    assert aliases_of(client, MODEL)["champion"] == "1"


def test_a_model_is_not_promoted_by_itself_where_that_is_switched_off(project, client, params):
    assert register(make_record(project / "model", params), RegisterParams(promotion="never")).aliases == (
        "challenger",
    )


def test_a_version_says_where_it_comes_from(project, client, params):
    record = make_record(project / "model", params)

    registration = register(record, RegisterParams())

    (version,) = versions_of(client)
    for tag in ("git_commit", "data_sha256", "split_sha256", "params_sha256", "bundle_sha256"):
        assert version.tags[tag] == record.tags[tag]
    assert version.run_id == registration.run_id
    assert "chance 0.500" in version.description


def test_sending_twice_makes_nothing_new(project, client, params):
    record = make_record(project / "model", params)
    first = register(record, RegisterParams())
    before = (len(runs_of(client)), len(versions_of(client)))

    assert register(record, RegisterParams()) == first
    assert (len(runs_of(client)), len(versions_of(client))) == before == (1, 1)


def test_a_new_measurement_of_the_same_model_is_a_run_but_not_a_version(project, client, params):
    first = register(make_record(project / "model", params, low=0.7), RegisterParams())
    second = register(make_record(project / "model", params, low=0.6), RegisterParams())

    assert (first.version, second.version) == (1, 1)
    assert first.run_id != second.run_id
    assert [version.tags["run_id"] for version in versions_of(client)] == [second.run_id]


def test_a_second_model_challenges_and_the_champion_stays(project, client, params):
    register(make_record(project / "a", params, weights=b"a"), RegisterParams())
    second = register(make_record(project / "b", params, weights=b"b"), RegisterParams())

    assert second.version == 2
    assert second.aliases == ("challenger",)
    assert aliases_of(client, MODEL)["champion"] == "1"


def test_artifacts_of_the_local_store_lie_in_mlruns(project, client, params):
    run_id = register(make_record(project / "model", params), RegisterParams()).run_id

    place = project / "mlruns" / "artifacts" / "nodule-binary"
    assert (place / run_id / "artifacts" / "evaluation" / "roc.png").read_bytes() == b"picture"
    assert [path.suffix for path in (place / "models").rglob("*") if "pkl" in path.suffix] == []


@pytest.mark.parametrize("where", ["start_run", "finish_run", "_make_version", "_move_aliases"])
def test_a_process_killed_on_the_way_leaves_nothing_double(project, client, params, monkeypatch, where):
    record = make_record(project / "model", params)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(registry, where, killed)
        register(record, RegisterParams())

    registration = register(record, RegisterParams())

    assert [run.info.status for run in runs_of(client)].count("FINISHED") == 1
    assert "RUNNING" not in [run.info.status for run in runs_of(client)]
    assert len(versions_of(client)) == 1
    assert registration.aliases == ("challenger", "champion")


def killed(*_):
    raise KeyboardInterrupt


def test_tasks_have_experiments_and_models_of_their_own(project, client, params):
    register(make_record(project / "a", params), RegisterParams())
    register(make_record(project / "b", params, task=Task.NODULE_FIVE), RegisterParams())

    assert {experiment.name for experiment in client.search_experiments()} == {
        "Default",
        "lungml/nodule-binary",
        "lungml/nodule-five",
    }
    assert {model.name for model in client.search_registered_models()} == {MODEL, "lungml-nodule-five"}
