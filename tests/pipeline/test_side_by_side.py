"""The run of all stages, on toy projects with real DVC."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from toy_projects import make_project, shell_environment, toy_stages, write_stages

from lungml.graph import read_graph
from lungml.pipeline.side_by_side import Outcome, run_side_by_side

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def run(folder, at_once=2):
    heard = []
    outcome = run_side_by_side(
        read_graph(folder), folder, at_once=at_once, show=lambda *words: heard.append(words)
    )
    return outcome, heard


def times(folder, name):
    start, end = (float(line) for line in (folder / f"{name}.times").read_text().split())
    return start, end


@pytest.fixture
def toy(tmp_path):
    return make_project(tmp_path / "toy")


def test_independent_stages_run_side_by_side_and_each_after_all_it_needs(toy):
    outcome, heard = run(toy)

    (left_start, left_end), (right_start, right_end) = times(toy, "left"), times(toy, "right")
    assert outcome == Outcome(0)
    assert max(left_start, right_start) < min(left_end, right_end)
    assert (toy / "last.txt").read_text() == "1\n1\n"
    assert heard == [("first", "here it starts")]  # what DVC says of itself is left out


def test_dvc_repro_finds_nothing_left_to_run(toy):
    run(toy)

    said = subprocess.run(
        [sys.executable, "-m", "dvc", "repro"],
        cwd=toy,
        env=shell_environment(toy),
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert "Running stage" not in said
    assert "up to date" in said


def test_one_at_once_runs_one_after_the_other(toy):
    outcome, _ = run(toy, at_once=1)

    (left_start, left_end), (right_start, right_end) = times(toy, "left"), times(toy, "right")
    assert outcome == Outcome(0)
    assert max(left_start, right_start) >= min(left_end, right_end)


def test_only_what_changed_and_what_depends_on_it_runs_again(toy):
    run(toy)
    stages = toy_stages(nap=0.1)
    stages["first"]["cmd"] = "echo started again && echo 1 > first.txt"
    stages["right"]["cmd"] = "echo the right side && echo 2 > right.txt"
    stages["left"] = toy_stages()["left"]
    write_stages(toy, stages)
    before = times(toy, "left")

    outcome, heard = run(toy)

    assert outcome == Outcome(0)
    assert ("right", "the right side") in heard
    assert (toy / "last.txt").read_text() == "1\n2\n"
    assert times(toy, "left") == before  # its input came out the same


def test_after_a_failure_what_runs_ends_and_nothing_starts(toy):
    stages = toy_stages(nap=1.0)
    stages["left"]["cmd"] = "echo 'lungml: there is no left side' && exit 3"
    write_stages(toy, stages)

    outcome, _ = run(toy)

    assert outcome.stage == "left"
    assert outcome.exit_code != 0
    assert outcome.reason == "there is no left side"
    assert (toy / "right.txt").is_file()
    assert not (toy / "last.txt").exists()


def test_a_stage_that_fails_over_a_lock_of_its_own_is_not_tried_again(toy):
    stages = toy_stages()
    stages["first"]["cmd"] = "echo again >> tries && echo 'lungml: Unable to acquire lock' && exit 3"
    write_stages(toy, stages)

    outcome, _ = run(toy)

    assert outcome.reason == "Unable to acquire lock"
    assert (toy / "tries").read_text() == "again\n"


def test_the_exit_code_is_the_one_that_the_stage_noted(toy):
    stages = toy_stages()
    stages["first"]["cmd"] = "printf 'first\\n75' > $LUNGML_STAGE_NOTE && exit 75"
    write_stages(toy, stages)

    outcome, _ = run(toy)

    assert outcome == Outcome(75, "first")


def test_a_stage_of_a_loop_over_paths_notes_its_exit_code_too(tmp_path):
    note = {"cmd": "printf 'each\\n75' > $LUNGML_STAGE_NOTE && exit 75", "outs": ["out.txt"]}
    folder = make_project(tmp_path / "toy", {"each": {"foreach": ["a/b"], "do": note}})

    outcome, _ = run(folder)

    assert outcome == Outcome(75, "each@a/b")


def test_ctrl_c_ends_what_runs_and_the_next_run_goes_on(toy):
    stages = toy_stages()
    stages["left"]["cmd"] = "echo $$ > pid && sleep 300 && cp first.txt left.txt"
    write_stages(toy, stages)
    code = (
        "import pathlib\n"
        "from lungml.graph import read_graph\n"
        "from lungml.pipeline.side_by_side import run_side_by_side\n"
        "root = pathlib.Path.cwd()\n"
        "print(run_side_by_side(read_graph(root), root, at_once=2, show=lambda *_: None))\n"
    )
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what is ignored here, a child ignores
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=toy, env=shell_environment(toy), stdout=subprocess.PIPE, text=True
    )
    signal.signal(signal.SIGINT, before)
    until = time.monotonic() + 60
    while not (toy / "right.txt").exists() or not (toy / "pid").exists():
        assert time.monotonic() < until
        time.sleep(0.1)
    stage = psutil.Process(int((toy / "pid").read_text()))
    time.sleep(2)

    os.kill(process.pid, signal.SIGINT)
    said, _ = process.communicate(timeout=60)

    assert said.strip() == str(Outcome(130, "left"))
    assert not psutil.pid_exists(stage.pid)
    write_stages(toy, toy_stages(nap=0.1))
    assert run(toy)[0] == Outcome(0)
