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
        ("lungml: the disk is full", 255, Ending.FAILED),
    ],
)
def test_what_the_words_of_dvc_mean(line, returncode, how):
    assert ending(Finished(returncode, ("Running stage", line), over_time=False)) is how


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
