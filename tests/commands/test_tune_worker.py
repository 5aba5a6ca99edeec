"""A search that `lungml tune` began, with the words of dvc.yaml, and `lungml tune-worker` ends."""

import json
import os
import shlex
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pandas as pd
import psycopg
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML
from training_examples import write_inputs

from lungml.cli import lungml
from lungml.errors import MissingInputError
from lungml.stages import tune as stage

pytest_plugins = ["postgres_server"]

ROOT = Path(__file__).parents[2]
TASK = "nodule-binary"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project just before the search: three trials of one epoch."""
    yaml = YAML(typ="safe")
    params = yaml.load(ROOT / "params.yaml")
    params["tasks"][TASK]["tune"] |= {"trials": 3, "epochs": 1}
    yaml.dump(params, tmp_path / "params.yaml")
    (tmp_path / "data" / "views").mkdir(parents=True)
    views, split = write_inputs(tmp_path)
    views.rename(tmp_path / "data" / "views" / "nodule")
    split.rename(tmp_path / "data" / "split.parquet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LUNGML_TUNE_STORAGE", raising=False)
    return tmp_path


def words_of_stage():
    entry = YAML(typ="safe").load(ROOT / "dvc.yaml")["stages"]["tune"]["do"]["cmd"]
    return shlex.split(entry.replace("${key}", TASK).replace("${item}", "nodule"))[1:]


def call(*words):
    return CliRunner().invoke(lungml, words, catch_exceptions=False)


class StoppedError(Exception):
    """Stands for the end of the process."""


def stopped(_):
    raise StoppedError


def test_a_helper_finds_the_search_of_this_machine_and_finishes_it(project, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(StoppedError):
        patch.setattr(stage, "say", stopped)
        call(*words_of_stage())

    assert call("tune-worker", "--task", TASK).exit_code == 0
    assert not Path("reports/tune", TASK).exists()

    monkeypatch.setattr(stage, "fold_scores", lambda *_, **_kept: None)  # nothing is left to train
    assert call(*words_of_stage()).exit_code == 0
    best = json.loads(Path("reports/tune", TASK, "best.json").read_text())
    assert best["trials"] == 3


def test_a_helper_without_a_search_says_how_to_start_one(project):
    with pytest.raises(MissingInputError, match="start it with `dvc repro` or `lungml tune`"):
        call("tune-worker", "--task", TASK)


TRAIN_TOGETHER = """
import os, time
from pathlib import Path
from lungml.cli import lungml
from lungml.stages import tune

def begun():
    return Path("begun").read_text().split() if Path("begun").exists() else []

def fold_scores(*words, real=tune.fold_scores, **more):
    def scores(candidate, objective=real(*words, **more)):
        with Path("begun").open("a") as log:
            log.write(f"{os.getpid()}\\n")
        end = time.monotonic() + 240
        while len(set(begun())) < 2 and time.monotonic() < end:
            time.sleep(0.05)
        yield from objective(candidate)
    return scores

tune.fold_scores = fold_scores
lungml()
"""
"""The command line; each process notes its trainings, and begins its first one when there are two at work."""


@pytest.fixture
def start(database):
    """Start the command line in a process of its own on an empty database; at the end all are dead."""
    with ExitStack() as at_end:

        def one(*words):
            process = subprocess.Popen(
                [sys.executable, "-c", TRAIN_TOGETHER, *words],
                env=os.environ | {"LUNGML_TUNE_STORAGE": database, "PYTHONPATH": str(ROOT)},
                stderr=subprocess.PIPE,
                text=True,
            )
            at_end.enter_context(process)  # waits for it, and closes its pipe
            at_end.callback(process.kill)
            return process

        yield one


def candidates():
    """(number of the trial, batch size, optimizer, rate, head) of every trial of the table."""
    table = pd.read_csv(Path("reports/tune", TASK, "trials.csv"))
    return table[["number", "batch_size", "optimizer", "learning_rate", "head"]]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_processes_share_a_search_in_postgresql_and_try_what_one_would(project, database, start):
    params = YAML(typ="safe").load(project / "params.yaml")
    params["tasks"][TASK]["tune"]["trials"] = 4
    YAML(typ="safe").dump(params, project / "params.yaml")

    first = start(*words_of_stage())
    while not Path("begun").exists():
        assert first.poll() is None, first.stderr.read()
        time.sleep(0.1)
    helper = start("tune-worker", "--task", TASK)
    said = [process.communicate(timeout=400)[1] for process in (first, helper)]

    assert (first.returncode, helper.returncode) == (0, 0), said
    together, trainings = candidates(), [int(line) for line in Path("begun").read_text().split()]
    assert set(trainings) == {first.pid, helper.pid}
    assert len(trainings) == len(together) == 4
    with psycopg.connect(database) as connection:
        states = connection.execute("SELECT state FROM trials").fetchall()
    assert len(states) == 4
    assert {state for (state,) in states} <= {"COMPLETE", "PRUNED"}
    assert call(*words_of_stage()).exit_code == 0  # alone, in a journal
    pd.testing.assert_frame_equal(candidates(), together)
