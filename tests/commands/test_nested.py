"""The whole selection on a toy cohort, without each of its three folds."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML
from training_examples import write_inputs

from lungml.commands.nested import command
from lungml.errors import InterruptedRunError
from lungml.stages import finetune
from lungml.tables import SPLIT, read_table, write_table

PARAMS = Path(__file__).parents[2] / "params.yaml"


def write_project(root):
    """Views, split and quick parameters where the command looks for them."""
    root.mkdir(exist_ok=True)
    views, split = write_inputs(root)
    (root / "data" / "views").mkdir(parents=True)
    shutil.move(views, root / "data" / "views" / "nodule")
    shutil.move(split, root / "data" / "split.parquet")
    yaml = YAML()
    params = yaml.load(PARAMS)
    params["tasks"]["nodule-binary"]["tune"].update({"trials": 2, "epochs": 1})
    params["tasks"]["nodule-binary"]["finetune"].update({"head_epochs": 0, "epochs": 1})
    with (root / "params.yaml").open("w") as stream:
        yaml.dump(params, stream)
    return root


def run(root, patch):
    patch.chdir(root)
    patch.setenv("LUNGML_WORKERS", "1")
    words = ["--task", "nodule-binary", "--out", "nested.json"]
    done = CliRunner().invoke(command, words, catch_exceptions=False)
    return done.output, json.loads((root / "nested.json").read_text())


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """(project, what was printed, what was written)."""
    root = write_project(tmp_path_factory.mktemp("nested") / "project")
    with pytest.MonkeyPatch.context() as patch:
        return root, *run(root, patch)


def test_every_nodule_of_train_and_validation_is_judged_in_one_outer_fold(done):
    _, _, found = done

    assert [row["nodules"] for row in found["by_fold"]] == [16, 16, 14]
    assert sum(row["patients"] for row in found["by_fold"]) == 23
    assert {"value", "low", "high", "chance", "skill"} == set(found["nested"]["raw"]["auroc"])


def test_the_optimism_is_what_was_claimed_over_what_was_found(done):
    _, said, found = done
    outer = np.mean([row["weighted_auprc"] for row in found["by_fold"]])

    for name in ("best trial", "fine-tuning"):
        claim = np.mean([row[name] for row in found["by_fold"]])
        assert found["optimism"][name] == pytest.approx(claim - outer)
        assert f"{name} said {claim:.3f} on average, {claim - outer:+.3f}" in said
    assert f"nested weighted AUPRC {found['nested']['raw']['weighted_auprc']['value']:.3f}" in said


def test_nothing_but_the_result_is_left(done):
    root, _, _ = done

    assert {path.name for path in root.iterdir()} == {"data", "params.yaml", "nested.json"}


@pytest.mark.slow
def test_a_stopped_run_goes_on_with_the_fold_it_was_in(done, monkeypatch, tmp_path):
    root, begun, real = write_project(tmp_path / "project"), [], finetune.run

    def stop_at_second(*sections, **paths):
        begun.append(paths["out"].parent.name)
        if len(begun) == 2:
            raise InterruptedRunError("stopped")
        real(*sections, **paths)

    monkeypatch.setattr(finetune, "run", stop_at_second)
    with pytest.raises(InterruptedRunError):
        run(root, monkeypatch)

    _, found = run(root, monkeypatch)

    assert begun == ["fold-0", "fold-1", "fold-1", "fold-2"]
    assert found == done[2]


@pytest.mark.slow
def test_the_real_test_part_changes_nothing(done, monkeypatch, tmp_path):
    root = write_project(tmp_path / "project")
    split = read_table(root / "data" / "split.parquet", SPLIT)
    changed = split.assign(binary=split["binary"].mask(split["part"] == "test", 1 - split["binary"]))
    write_table(root / "data" / "split.parquet", changed, SPLIT)

    _, found = run(root, monkeypatch)

    assert found["nested"] == done[2]["nested"]
    assert found["by_fold"] == done[2]["by_fold"]
