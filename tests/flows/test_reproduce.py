"""The flow on a toy project, against a server that lives as long as this module's tests."""

import os
import socket
from unittest import mock

import pytest
from toy_projects import make_project, shell_environment, toy_stages, write_stages

from flows import reproduce as module
from flows.reproduce import main, reproduce
from lungml.errors import ParamsError, ServiceError


@pytest.fixture(scope="module")
def prefect_server():
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180):
        yield


@pytest.fixture
def toy(tmp_path, prefect_server):
    folder = make_project(tmp_path / "toy")
    wanted = {"PATH": shell_environment(folder)["PATH"], "LUNGML_ROOT": str(folder)}
    with mock.patch.dict(os.environ, wanted):
        yield folder


def steps_of(state):
    """Name of each step of a flow run -> the name of the state it ended in."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    run = FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
    with get_client(sync_client=True) as client:
        return {step.name: step.state_name for step in client.read_task_runs(flow_run_filter=run)}


def times(folder, name):
    start, end = (float(line) for line in (folder / f"{name}.times").read_text().split())
    return start, end


def test_stages_run_side_by_side_in_order_and_a_second_run_skips_them(toy):
    first = reproduce(return_state=True)
    second = reproduce(return_state=True)

    (left_start, left_end), (right_start, right_end) = times(toy, "left"), times(toy, "right")
    assert max(left_start, right_start) < min(left_end, right_end)
    assert (toy / "last.txt").read_text() == "1\n1\n"
    assert set(steps_of(first)) == {"first", "left", "right", "last"}
    assert set(steps_of(first).values()) == {"Completed"}
    assert set(steps_of(second).values()) == {"Cached"}


def test_a_failing_stage_is_named_its_sibling_ends_and_its_descendants_do_not_start(toy):
    stages = toy_stages(nap=0.1)
    stages["left"]["cmd"] = "echo there is no left side && exit 3"
    write_stages(toy, stages)

    state = reproduce(return_state=True)

    assert state.is_failed()
    assert "there is no left side" in state.message
    assert "1 stage(s) failed, 1 not run" in state.message
    assert steps_of(state) == {"first": "Completed", "left": "Failed", "right": "Completed"}
    assert (toy / "right.txt").exists()
    assert not (toy / "last.txt").exists()


def test_a_target_runs_only_with_what_it_needs(toy):
    assert main(["--targets", "left"]) == 0

    assert (toy / "left.txt").exists()
    assert not (toy / "right.txt").exists()


def test_a_misspelt_target_is_named_before_anything_starts(toy, capsys):
    assert main(["--targets", "lefft"]) == ParamsError.exit_code

    assert capsys.readouterr().err.startswith("lungml: dvc.yaml has no stage 'lefft'; it has first, left")


def test_a_server_that_does_not_answer_is_said_before_anything_starts(monkeypatch):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/api"

        with temporary_settings({PREFECT_API_URL: url}), pytest.raises(ServiceError, match="dvc repro"):
            module._ask_for_an_answer()
        with temporary_settings({PREFECT_API_URL: url}):
            assert main([]) == ServiceError.exit_code
