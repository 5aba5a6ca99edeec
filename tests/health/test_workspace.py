"""What the doctor says of a workspace."""

import shutil
from pathlib import Path

import pytest
from health_checks import by_title

from lungml.health.state import State
from lungml.health.workspace import check_workspace

ROOT = Path(__file__).parents[2]


@pytest.fixture
def workspace(tmp_path):
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".dvc").mkdir()
    return tmp_path


def test_a_fresh_workspace_says_that_no_stage_has_run(workspace):
    checks = by_title(check_workspace(workspace))

    assert checks["parameters"].state is State.GOOD
    assert checks["DVC"].state is State.NOTE
    assert "have not run: acquire," in checks["DVC"].text


def test_stages_of_the_lock_have_run(workspace):
    (workspace / "dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  acquire:\n    cmd: x\n  tune@nodule-five:\n    cmd: x\n"
    )

    text = by_title(check_workspace(workspace))["DVC"].text

    waiting = text.partition(": ")[2].split(", ")
    assert "index" in waiting
    assert {"acquire", "tune"} & set(waiting) == set()


def test_wrong_parameters_are_all_told(workspace):
    text = (workspace / "params.yaml").read_text()
    (workspace / "params.yaml").write_text(text.replace("min_slices: 3", "min_slices: 0\n  no_such: 1"))

    check = by_title(check_workspace(workspace))["parameters"]

    assert check.state is State.BAD
    assert len(check.more) == 2


def test_a_folder_that_is_no_project_is_told(tmp_path):
    checks = by_title(check_workspace(tmp_path))

    assert checks["DVC"].state is checks["parameters"].state is State.BAD
