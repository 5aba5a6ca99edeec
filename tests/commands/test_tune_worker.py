"""A search that `lungml tune` began, with the words of dvc.yaml, and `lungml tune-worker` ends."""

import json
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML
from training_examples import write_inputs

from lungml.cli import lungml
from lungml.errors import MissingInputError
from lungml.stages import tune as stage

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
