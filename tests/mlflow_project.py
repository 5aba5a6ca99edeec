"""Fixtures: a project folder with an empty MLflow store; the database is migrated once and copied."""

import shutil
from pathlib import Path

import pytest

from lungml.params import load_params


@pytest.fixture(scope="session")
def params():
    return load_params(Path(__file__).parents[1] / "params.yaml")


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    from mlflow import MlflowClient

    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def project(tmp_path, monkeypatch, empty_database):
    for name in ("MLFLOW_TRACKING_URI", "DVC_ROOT", "DVC_STAGE", "LUNGML_GIT_COMMIT"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "mlruns").mkdir()
    shutil.copy(empty_database, tmp_path / "mlruns" / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def client(project):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{project}/mlruns/mlflow.db")
