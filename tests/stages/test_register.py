import contextlib
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from mlflow import MlflowClient
from model_files import make_answers, write_model_files
from ruamel.yaml import YAML
from toy_projects import make_project, shell_environment

from lungml.cli import lungml
from lungml.errors import InputError, MissingInputError, ModelError, ParamsError
from lungml.files import read_json
from lungml.tracking.registry import aliases_of

pytest_plugins = ["mlflow_project"]

ROOT = Path(__file__).parents[2]
MODEL = "lungml-nodule-binary"
OUT = Path("reports/register/nodule-binary.json")


@pytest.fixture
def words(project):
    """The command line of the stage, for model files in the project."""
    shutil.copy(ROOT / "params.yaml", project)
    folders = write_model_files(project / "model")
    return command_line(folders)


def command_line(folders):
    flags = {
        "--bundle": "bundle",
        "--tuned": "tuned",
        "--log": "log",
        "--evaluation": "evaluation",
        "--explanation": "explanation",
        "--screen": "screen",
        "--card": "card",
    }
    paths = [word for flag, name in flags.items() for word in (flag, str(folders[name]))]
    return ["register", "--task", "nodule-binary", *paths, "--out", str(OUT)]


def dvc_stage(folders):
    """The stage as in dvc.yaml, for these folders."""
    (declared,) = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]["register"]["do"]["outs"]
    (options,) = declared.values()
    return {
        "cmd": shlex.join(["lungml", *command_line(folders)]),
        "deps": [str(folder) for folder in folders.values()],
        "outs": [{str(OUT): options}],
    }


@pytest.fixture
def dead_server(monkeypatch):
    """Call to name a server that is not there; `monkeypatch.undo` brings the project's store back."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free.getsockname()[1]}")
        yield lambda: monkeypatch.delenv("MLFLOW_TRACKING_URI")


def lungml_runs(*words):
    return CliRunner().invoke(lungml, list(words), standalone_mode=False, catch_exceptions=True)


def succeeded(*words):
    result = lungml_runs(*words)
    if result.exception:
        raise result.exception
    return result


def test_the_record_says_what_the_registry_made_of_the_model(words, client):
    succeeded(*words)

    record = read_json(OUT)
    version = client.get_model_version(MODEL, "1")
    assert (record["version"], record["pending"]) == (1, False)
    assert record["aliases"] == ["challenger", "champion"]
    assert record["run_id"] == version.run_id
    assert record["tags"]["params_sha256"] == version.tags["params_sha256"]
    assert record["params"]["finetune.seed"] == 20250301


def test_the_stage_writes_the_same_record_again(words):
    succeeded(*words)
    first = OUT.read_bytes()

    succeeded(*words)

    assert OUT.read_bytes() == first


def test_a_parameter_of_the_model_changes_its_checksum_and_one_of_the_report_does_not(words):
    def checksum(change):
        text = (ROOT / "params.yaml").read_text()
        assert change[0] in text
        Path("params.yaml").write_text(text.replace(*change))
        succeeded(*words)
        return read_json(OUT)["tags"]["params_sha256"]

    shipped = checksum(("title: lungml report", "title: lungml report"))
    assert checksum(("title: lungml report", "title: another")) == shipped
    assert checksum(("threes: benign", "threes: drop")) != shipped


def test_an_evaluation_of_another_model_is_refused(words, project):
    (project / "model" / "bundle" / "bundle.json").write_text('{"weights_sha256": "of another training"}')

    with pytest.raises(InputError, match="dvc repro"):
        succeeded(*words)

    assert not OUT.exists()


def test_a_server_that_is_down_does_not_fail_the_stage_and_sync_sends_the_model_later(
    words, client, dead_server
):
    pending = succeeded(*words)

    assert "warning" in pending.stderr
    assert "lungml sync" in pending.stderr
    record = read_json(OUT)
    assert (record["version"], record["run_id"], record["pending"]) == (None, None, True)

    dead_server()
    sent = succeeded("sync")

    assert "version 1, now recorded" in sent.stderr
    assert "dvc repro" in sent.stderr
    assert (read_json(OUT)["version"], read_json(OUT)["pending"]) == (1, False)
    assert client.get_model_version(MODEL, "1").tags["params_sha256"] == record["tags"]["params_sha256"]
    assert "version 1, as recorded" in succeeded("sync").stderr


def test_dvc_runs_the_stage_again_after_sync_instead_of_restoring_what_it_said_before(
    project, dead_server, monkeypatch
):
    project = make_project(project / "clone", {"register": dvc_stage(write_model_files(project / "model"))})
    shutil.copy(ROOT / "params.yaml", project)

    def repro():
        environment = shell_environment(project) | {"MLFLOW_TRACKING_URI": os.environ["MLFLOW_TRACKING_URI"]}
        command = [sys.executable, "-m", "dvc", "repro"]
        return subprocess.run(
            command, cwd=project, env=environment, check=True, capture_output=True, text=True
        ).stdout

    repro()
    assert read_json(project / OUT)["pending"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{project}/mlruns/mlflow.db")
    with contextlib.chdir(project):
        succeeded("sync")

    assert "Running stage" in repro()
    assert read_json(project / OUT)["version"] == 1
    assert "didn't change" in repro()


def test_sync_fails_while_the_server_is_down(words, dead_server):
    succeeded(*words)

    assert lungml_runs("sync").exception.exit_code == 9


def test_sync_fills_another_store_from_the_same_files(words, project, monkeypatch):
    succeeded(*words)
    uri = f"sqlite:///{project}/other.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)

    succeeded("sync")

    version = MlflowClient(uri).get_model_version(MODEL, "1")
    assert version.tags["bundle_sha256"] == read_json(OUT)["tags"]["bundle_sha256"]


def test_sync_without_records_says_which_stage_writes_them(project):
    with pytest.raises(MissingInputError, match="register stages"):
        succeeded("sync")


def test_promoting_from_the_command_line(words, client, project):
    succeeded(*words)
    better = write_model_files(project / "better", weights=b"better", answers=make_answers(skill=0.7))
    succeeded(*command_line(better))

    said = succeeded("promote", "nodule-binary", "--why", "better on the same test part").stderr

    assert "version 2 is champion instead of version 1 (passed: version 2 minus" in said
    succeeded("promote", "nodule-binary", "--rollback", "--why", "misses small nodules")
    assert aliases_of(client, MODEL) == {"challenger": "2", "champion": "1", "previous": "2"}


@pytest.mark.parametrize(
    ("words_after", "error", "text"),
    [
        (["--force"], ParamsError, "--why"),
        (["--rollback"], ParamsError, "--why"),
        (["--rollback", "--why", "a", "--version", "1"], ParamsError, "neither"),
        ([], ModelError, "no registered model"),
    ],
)
def test_promoting_without_what_it_needs_says_so(project, words_after, error, text):
    shutil.copy(ROOT / "params.yaml", project)

    with pytest.raises(error, match=text):
        succeeded("promote", "nodule-binary", *words_after)


def test_a_record_is_json_that_others_can_read(words):
    succeeded(*words)

    record = json.loads(OUT.read_text())

    assert set(record["tags"]) >= {"git_commit", "data_sha256", "split_sha256", "bundle_sha256"}
    assert all(Path(folder).is_dir() for folder in record["folders"].values())
