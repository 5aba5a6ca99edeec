import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lungml.errors import ServiceError
from lungml.tracking.store import session, store_uri

FIRST_USE = """
from pathlib import Path
from lungml.terms import Task
from lungml.tracking.store import experiment_id, session

pytest_plugins = ["mlflow_project"]
root = Path.cwd()
with session(root) as client:
    print(experiment_id(client, Task.NODULE_BINARY, root))
"""


@pytest.fixture
def silent_server():
    """A server that takes a connection and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_the_store_is_in_the_project_unless_the_variable_names_another(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    own = store_uri(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")

    assert own == f"sqlite:///{tmp_path}/mlruns/mlflow.db"
    assert store_uri(tmp_path) == "http://127.0.0.1:5000"


def test_a_dead_server_fails_soon_and_says_what_to_do(tmp_path, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free.getsockname()[1]}")

        started = time.monotonic()
        with pytest.raises(ServiceError, match="lungml sync"), session(tmp_path):
            pass

    assert time.monotonic() - started < 10


def test_a_server_that_never_answers_fails_soon(tmp_path, monkeypatch, silent_server):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", silent_server)

    started = time.monotonic()
    with pytest.raises(ServiceError, match="lungml sync"), session(tmp_path):
        pass

    assert time.monotonic() - started < 10


def test_the_message_does_not_show_the_password(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://someone:secret@127.0.0.1:9")

    with pytest.raises(ServiceError) as caught, session(tmp_path):
        pass

    assert "secret" not in str(caught.value)


def test_a_store_that_cannot_be_written_is_a_service_error(project, monkeypatch):
    (project / "mlruns" / "mlflow.db").write_bytes(b"this is no database, it is text" * 100)

    with pytest.raises(ServiceError, match=r"mlflow\.db"), session(project) as client:
        client.search_experiments()


def test_a_session_leaves_the_environment_as_it_was(project):
    before = dict(os.environ)

    with session(project) as client:
        client.search_experiments()

    assert dict(os.environ) == before


def test_processes_that_start_at_once_share_a_new_store(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])

    processes = [
        subprocess.Popen(
            [sys.executable, "-c", FIRST_USE],
            cwd=tmp_path,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=120) for process in processes]

    assert [process.returncode for process in processes] == [0, 0], answers
    assert len({out for out, _ in answers}) == 1
