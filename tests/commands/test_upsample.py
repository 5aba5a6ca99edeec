from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML
from training_examples import write_inputs

from lungml.commands.upsample import command
from lungml.tables import SPLIT, read_table

PARAMS = Path(__file__).parents[2] / "params.yaml"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    (folder / "params.yaml").write_text(PARAMS.read_text())
    (folder / "data" / "views").mkdir(parents=True)
    views, split = write_inputs(folder)
    views.rename(folder / "data" / "views" / "nodule")
    split.rename(folder / "data" / "split.parquet")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield folder


def run(*words):
    result = CliRunner().invoke(command, words)
    assert result.exit_code == 0, result.output
    return result.output


def test_no_child_has_a_parent_outside_of_train(project):
    run("nodule-binary")

    plan = pd.read_csv("data/upsampled/nodule-binary/plan.csv")
    split = read_table(Path("data/split.parquet"), SPLIT)
    assert set(plan["parent_id"]) == set(split["nodule_id"][split["part"] == "train"])
    assert (plan["copy"] > 0).sum() > 0


def test_the_plan_the_images_and_what_is_printed_agree(project):
    """Of 30 in train, 18 are of the classes 1 to 3 and 12 of 4 and 5."""
    printed = run("nodule-binary").splitlines()

    folder = Path("data/upsampled/nodule-binary")
    plan, images_hu = pd.read_csv(folder / "plan.csv"), np.load(folder / "images.npy")
    assert np.bincount(plan["label"]).tolist() == [18, 18]
    assert len(images_hu) == len(plan)
    assert [line.split(": ")[1] for line in printed[:2]] == [
        "18 of train, 18 with their children",
        "12 of train, 18 with their children",
    ]


def test_it_is_written_again_to_the_same_bytes(project):
    for name in ("one", "two"):
        run("nodule-binary", "--out", name)

    first, second = (
        {file.name: file.read_bytes() for file in Path(name).iterdir()} for name in ("one", "two")
    )
    assert set(first) == {"plan.csv", "images.npy", "children.png"}
    assert first == second


def test_chosen_counts_are_reached(project):
    yaml = YAML(typ="safe")
    params = yaml.load(PARAMS.read_text())
    finetune = params["tasks"]["nodule-binary"]["finetune"]  # all tasks share one recipe in the file
    finetune["recipe"] = finetune["recipe"] | {"upsample_counts": [40, 25]}
    with Path("params.yaml").open("w") as stream:
        yaml.dump(params, stream)

    run("nodule-binary", "--out", "chosen")

    assert np.bincount(pd.read_csv("chosen/plan.csv")["label"]).tolist() == [40, 25]
