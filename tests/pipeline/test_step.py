import shutil
import sys
from pathlib import Path

import pytest

from lungml.pipeline.processes import Finished
from lungml.pipeline.step import Ending, ending, stage_environment


@pytest.mark.parametrize(
    ("line", "returncode", "how"),
    [
        ("Stage 'tune' didn't change, skipping", 0, Ending.UP_TO_DATE),
        ("Stage 'tune' is cached - skipping run, checking out outputs", 0, Ending.UP_TO_DATE),
        ("epoch 1", 0, Ending.RAN),
        ("ERROR: 'out/index.csv' is busy, it is being blocked by:", 255, Ending.LOCKED),
        ("ERROR: Unable to acquire lock. Most likely another DVC process is running", 255, Ending.LOCKED),
        ("ERROR: failed to reproduce 'tune': 'out' is busy, it is being blocked by:", 255, Ending.LOCKED),
        ("lungml: the disk is full", 255, Ending.FAILED),
    ],
)
def test_what_the_words_of_dvc_mean(line, returncode, how):
    assert ending(Finished(returncode, ("Running stage", line), over_time=False)) is how


@pytest.mark.parametrize(
    "line",
    [
        "lungml: the database said: Unable to acquire lock",
        "ERROR: Unable to acquire lock. Most likely another DVC process is running",
        "'study.db' is busy, it is being blocked by:",
    ],
)
def test_what_a_stage_says_of_locks_is_not_taken_for_the_words_of_dvc(line):
    last = "ERROR: failed to reproduce 'tune': failed to run: lungml tune, exited with 9"

    assert ending(Finished(255, ("Running stage 'tune':", line, last), over_time=False)) is Ending.FAILED


def test_what_a_stage_says_of_skipping_is_not_taken_for_the_words_of_dvc():
    said = ("Running stage 'tune':", "the best trial didn't change, skipping it")

    assert ending(Finished(0, said, over_time=False)) is Ending.RAN


def test_a_stage_over_its_time_is_not_called_failed():
    assert ending(Finished(-15, ("epoch 1",), over_time=True)) is Ending.OVER_TIME


def test_stages_find_the_programs_of_this_python_and_their_number(monkeypatch):
    monkeypatch.setenv("DVC_ROOT", "/another/project")

    environment = stage_environment(["a", "b"])

    assert shutil.which("dvc", path=environment["PATH"]) == str(Path(sys.executable).parent / "dvc")
    assert environment["LUNGML_STAGE_ORDER"] == "a,b"
    assert "DVC_ROOT" not in environment


def test_waiting_threads_do_not_spin_unless_the_user_wants_it(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    default = stage_environment([])["OMP_WAIT_POLICY"]
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")

    assert default == "PASSIVE"
    assert stage_environment([])["OMP_WAIT_POLICY"] == "ACTIVE"
