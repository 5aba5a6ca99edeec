"""What is fetched of MLflow, and what is said where it is not there."""

import json

import pytest
from model_files import make_record

from lungml.errors import ModelError
from lungml.params.evaluation import RegisterParams
from lungml.terms import Task
from lungml.tracking.fetching import fetched_bundle, fetched_run, is_run
from lungml.tracking.registry import register

pytest_plugins = ["mlflow_project"]

MODEL = "models:/lungml-nodule-binary"


def test_a_run_is_found_by_its_id_and_by_the_version_it_made(project, params):
    record = make_record(project / "model", params)
    run_id = register(record, RegisterParams()).run_id
    written = json.loads((record.folders["evaluation"] / "metrics.json").read_text())

    for name in (run_id, f"runs:/{run_id}", f"{MODEL}@champion", f"{MODEL}/1"):
        with fetched_run(name) as found:
            assert found.task is Task.NODULE_BINARY
            assert found.tags["bundle_sha256"] == record.bundle_sha256
            assert json.loads((found.evaluation / "metrics.json").read_text()) == written


def test_a_registered_model_comes_as_the_files_of_its_bundle(project, params):
    record = make_record(project / "model", params)
    register(record, RegisterParams())

    with fetched_bundle(f"{MODEL}@champion") as folder:
        found = {path.name: path.read_bytes() for path in folder.iterdir()}

    assert found == {path.name: path.read_bytes() for path in record.folders["bundle"].iterdir()}


@pytest.mark.parametrize("name", [f"{MODEL}@champion", f"{MODEL}/3", "runs:/" + "0" * 32])
def test_what_mlflow_does_not_have_is_named(project, name):
    with pytest.raises(ModelError, match=f"MLflow has no {name}"), fetched_run(name):
        pass


@pytest.mark.parametrize("fetch", [fetched_bundle, fetched_run])
def test_a_look_where_no_store_is_makes_none(fetch, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_TRACKING_URI", "DVC_ROOT"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(ModelError, match="MLflow has no store here"), fetch(f"{MODEL}@champion"):
        pass

    assert list(tmp_path.iterdir()) == []


def test_names_of_runs_and_folders_are_told_apart():
    assert [is_run(name) for name in ("0" * 32, "runs:/a", f"{MODEL}/1", "runs/a", "reports")] == [
        True,
        True,
        True,
        False,
        False,
    ]
