import subprocess
import sys
from pathlib import Path

import pytest

from lungml.cli import find_section, stage_signature
from lungml.params import load_params
from lungml.params.data import LabelParams, SplitParams
from lungml.params.model import TuneParams
from lungml.stages import STAGES
from lungml.terms import Task

ROOT = Path(__file__).parents[1]


PATHS = ("index", "checked", "exclusions", "out", "excluded")
SPLIT = ["split", *(word for name in PATHS for word in (f"--{name}", f"no-{name}"))]


def lungml(*words, cwd=ROOT):
    return subprocess.run(
        [sys.executable, "-m", "lungml", *words], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_a_stage_signature_is_split_into_sections_and_options():
    def run(split: SplitParams, labels: LabelParams, *, task: Task, out: Path) -> None: ...

    assert stage_signature(run) == ([SplitParams, LabelParams], {"task": Task, "out": Path})


def test_the_section_of_a_task_is_that_tasks_own():
    params = load_params(ROOT / "params.yaml")

    assert find_section(params, TuneParams, "slice-five") is params.tasks[Task.SLICE_FIVE].tune
    assert find_section(params, SplitParams, None) is params.split


def test_the_words_for_the_search_do_not_leave_out_what_can_be_searched():
    searched = TuneParams(space=TuneParams().space.model_dump() | {"augment.zoom": [0.1, 0.2]}).space

    assert "augment.zoom" in searched
    assert "any field of recipe" in STAGES["tune"]


def test_an_error_of_ours_is_one_sentence_and_its_exit_code(tmp_path):
    result = lungml(*SPLIT, cwd=tmp_path)

    assert result.returncode == 2
    assert "params.yaml is not there" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_missing_input_is_named_and_has_exit_code_5(tmp_path):
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())

    result = lungml(*SPLIT, cwd=tmp_path)

    assert result.returncode == 5
    assert "dvc repro" in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "no-out").exists()


@pytest.mark.parametrize("words", [["splits"], ["split"], ["tune", "--task", "nodule-six"]])
def test_a_wrong_command_line_has_exit_code_2(words):
    result = lungml(*words)

    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_a_bug_leaves_a_file_and_no_traceback():
    code = "import sys; sys.argv = ['lungml']; from lungml import cli; cli.lungml = None; cli.main()"

    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    log = Path(result.stderr.split("What happened is in ")[1].split(";")[0])

    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "Traceback" in log.read_text()
    log.unlink()


def test_the_stage_says_which_of_how_many_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_STAGE", "split")
    monkeypatch.setenv("LUNGML_STAGE_ORDER", "acquire,index,validate,split,report")

    result = lungml(*SPLIT, cwd=tmp_path)

    assert "[4/5] split:" in result.stderr


def test_work_that_processes_cannot_share_is_refused_in_several(monkeypatch):
    for name, value in {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "2", "RANK": "0"}.items():
        monkeypatch.setenv(name, value)

    result = lungml("doctor")

    assert result.returncode == 2
    assert result.stderr.startswith("lungml (process 1): doctor is not work that the 2 processes")
