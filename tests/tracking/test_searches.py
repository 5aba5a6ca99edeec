import pytest
from model_files import make_record

from lungml.params.evaluation import RegisterParams
from lungml.tracking import searches
from lungml.tracking.registry import register

pytest_plugins = ["mlflow_project"]


def runs_with(client, **tags):
    experiment = client.get_experiment_by_name("lungml/nodule-binary").experiment_id
    wanted = " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())
    return client.search_runs([experiment], wanted)


def searches_in(client):
    experiment = client.get_experiment_by_name("lungml/nodule-binary").experiment_id
    return [run for run in client.search_runs([experiment]) if "search_sha256" in run.data.tags]


def history(client, run, name):
    return [(point.step, point.value) for point in client.get_metric_history(run.info.run_id, name)]


@pytest.fixture
def sent(project, client, params):
    record = make_record(project / "model", params)
    register(record, RegisterParams())
    return record


@pytest.fixture
def trials(sent, client):
    (search,) = searches_in(client)
    children = runs_with(client, **{"mlflow.parentRunId": search.info.run_id})
    return {run.info.run_name: run for run in children}


def test_a_search_is_a_run_that_its_model_names(sent, client):
    (search,) = searches_in(client)

    (model,) = runs_with(client, search_run_id=search.info.run_id)
    assert model.data.tags["bundle_sha256"] == sent.bundle_sha256
    assert search.info.status == "FINISHED"
    assert "0.800 of 3 trials, 1 of them stopped early" in search.data.tags["mlflow.note.content"]


def test_a_search_shows_its_history_and_what_mattered(sent, client):
    (search,) = searches_in(client)

    assert history(client, search, "score") == [(0, 0.7), (1, 0.4), (2, 0.8)]
    assert history(client, search, "best_score") == [(0, 0.7), (2, 0.8)]
    assert search.data.metrics["importance/learning_rate"] == 0.75
    assert search.data.params["chosen.augment.zoom"] == "0.1"
    assert search.data.params["tune.space.batch_size"] == "16, 8"
    assert {name.split(".")[0] for name in search.data.params} == {"tune", "chosen"}


def test_the_figures_of_a_search_are_artifacts_of_its_run_alone(sent, client):
    (search,) = searches_in(client)
    (model,) = runs_with(client, search_run_id=search.info.run_id)

    files = {file.path for file in client.list_artifacts(search.info.run_id)}
    assert files == {
        "best.json",
        "history.png",
        "importance.json",
        "importance.png",
        "scores.csv",
        "trials.csv",
    }
    assert client.list_artifacts(model.info.run_id, "tuned") == []


def test_each_trial_is_a_child_run_with_what_was_drawn(trials):
    assert set(trials) == {"trial 0", "trial 1", "trial 2"}
    assert trials["trial 0"].data.params == {
        "batch_size": "16",
        "learning_rate": "0.01",
        "augment.zoom": "0.0",
    }
    assert trials["trial 1"].data.params == {"batch_size": "32", "augment.zoom": "0.2"}
    assert [trials[f"trial {n}"].info.status for n in range(3)] == ["FINISHED", "KILLED", "FINISHED"]


def test_a_trial_has_a_score_for_each_epoch(trials, client):
    assert history(client, trials["trial 2"], "score") == [(1, 0.8), (2, 0.75)]
    assert trials["trial 2"].data.metrics["best_score"] == 0.8


def test_models_of_one_search_share_its_run(project, client, params):
    register(make_record(project / "a", params, weights=b"a"), RegisterParams())
    register(make_record(project / "b", params, weights=b"b"), RegisterParams())

    (search,) = searches_in(client)
    assert len(runs_with(client, search_run_id=search.info.run_id)) == 2
    assert len(runs_with(client, **{"mlflow.parentRunId": search.info.run_id})) == 3


def test_another_search_is_another_run(project, client, params):
    register(make_record(project / "a", params), RegisterParams())
    record = make_record(project / "b", params)
    (record.folders["tuned"] / "trials.csv").write_text("number,state,value,epochs\n0,COMPLETE,0.8,2\n")

    register(record, RegisterParams())

    assert len(searches_in(client)) == 2


def test_a_search_that_was_cut_short_is_sent_anew(project, client, params, monkeypatch):
    record = make_record(project / "model", params)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(searches, "_send_trial", killed)
        register(record, RegisterParams())

    register(record, RegisterParams())

    assert sorted(run.info.status for run in searches_in(client)) == ["FINISHED", "KILLED"]


def killed(*_):
    raise KeyboardInterrupt
