"""A run of `python -m flows.reproduce` that a person or a scheduler ends."""

import signal
import subprocess
import sys
import time

import psutil
import pytest
from toy_projects import make_project, shell_environment, toy_stages

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def clone(tmp_path):
    stages = toy_stages()
    stages["first"]["cmd"] = "echo $$ > pid && sleep 300 && echo 1 > first.txt"
    return make_project(tmp_path / "clone", stages)


def wait_for_pid(path, process):
    end = time.monotonic() + 240
    while time.monotonic() < end and process.poll() is None:
        if path.exists() and path.read_text().strip():
            return int(path.read_text())
        time.sleep(0.2)
    raise AssertionError(f"the stage did not start: {process.communicate()}")


@pytest.mark.parametrize("request_to_end", [signal.SIGINT, signal.SIGTERM])
def test_ending_a_run_ends_its_stages_and_its_server_and_the_same_command_goes_on(clone, request_to_end):
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # what is ignored here, a child ignores too
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.reproduce"],
        cwd=clone,
        env=shell_environment(clone),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    signal.signal(signal.SIGINT, before)
    stage = wait_for_pid(clone / "pid", process)
    family = [psutil.Process(stage), *psutil.Process(process.pid).children(recursive=True)]

    process.send_signal(request_to_end)
    said, _ = process.communicate(timeout=120)

    _, alive = psutil.wait_procs(family, timeout=20)
    assert alive == []
    assert process.returncode == 130, said
    assert "the same command goes on" in said
    assert "Traceback" not in said.split("lungml: stopped")[-1]
