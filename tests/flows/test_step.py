import pytest

from flows.step import outcome
from lungml.pipeline.processes import Finished


def ended(*lines, returncode=0, over_time=False):
    return outcome("tune", Finished(returncode, lines, over_time), limit_s=120)


@pytest.mark.parametrize(
    "line",
    ["Stage 'tune' didn't change, skipping", "Stage 'tune' is cached - skipping run, checking out outputs"],
)
def test_a_stage_that_dvc_skips_is_cached(line):
    state = ended(line)

    assert state.name == "Cached"
    assert state.is_completed()


def test_a_stage_that_ran_is_completed():
    assert ended("Running stage 'tune':", "epoch 1").name == "Completed"


def test_a_failed_stage_is_named_with_its_last_lines():
    state = ended(*(f"line {number}" for number in range(40)), "lungml: no data", returncode=255)

    assert state.is_failed()
    assert state.message.startswith("tune failed (exit code 255)")
    assert "lungml: no data" in state.message
    assert "line 3\n" not in state.message


def test_a_stage_over_its_time_says_which_limit():
    assert "longer than 2 minutes" in ended("epoch 1", returncode=-15, over_time=True).message


@pytest.mark.parametrize(
    ("line", "again"),
    [
        ("ERROR: 'out/index.csv' is busy, it is being blocked by:", True),
        ("ERROR: Unable to acquire lock. Most likely another DVC process is running", True),
        ("lungml: the disk is full", False),
        ("lungml: the search is locked by another DVC; wait", False),
        ("lungml: Unable to acquire lock", False),
    ],
)
def test_only_a_lock_of_another_dvc_is_tried_again(line, again):
    from flows.step import run_stage

    state = ended(line, returncode=255)

    assert run_stage.retry_condition_fn(None, None, state) is again
