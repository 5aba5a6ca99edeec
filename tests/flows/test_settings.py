import os
from unittest import mock

import pytest

from flows import settings


@pytest.fixture(autouse=True)
def own_environment():
    with mock.patch.dict(os.environ):
        yield


def test_nothing_calls_home_and_nothing_is_pickled(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith("PREFECT_") or name == "DO_NOT_TRACK":
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").touch()

    settings.set_switches()

    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert os.environ["DO_NOT_TRACK"] == "1"
    assert os.environ["PREFECT_RESULTS_DEFAULT_SERIALIZER"] == "json"
    assert os.environ["PREFECT_HOME"] == str(tmp_path / ".prefect")


def test_what_is_set_already_stays(monkeypatch):
    monkeypatch.setenv("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "7")

    settings.set_switches()

    assert os.environ["PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS"] == "7"


def test_the_root_is_named_or_the_working_directory(monkeypatch, tmp_path):
    monkeypatch.delenv("LUNGML_ROOT", raising=False)
    monkeypatch.chdir(tmp_path)
    here = settings.project_root()
    monkeypatch.setenv("LUNGML_ROOT", "/somewhere/else")

    assert here == tmp_path
    assert str(settings.project_root()) == "/somewhere/else"
