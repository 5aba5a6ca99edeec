"""What the doctor says of services."""

import socket

import pytest
from health_checks import by_title

from lungml.health.services import check_services
from lungml.health.state import State


@pytest.fixture
def listener():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


def test_services_that_answer_are_good_and_those_that_do_not_need_a_look(tmp_path, monkeypatch, listener):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{listener}")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setenv("PREFECT_API_URL", f"http://user:secret@127.0.0.1:{closed.getsockname()[1]}/api")

    checks = by_title(check_services(tmp_path))

    assert checks["MLflow"].state is State.GOOD
    assert checks["Prefect"].state is State.BAD
    assert "secret" not in checks["Prefect"].text


def test_services_that_are_not_configured_are_no_problem(tmp_path):
    assert {check.state for check in check_services(tmp_path)} == {State.NOTE}
