import json

import pandas as pd
import pytest
from training_examples import AUGMENT, write_inputs

from lungml.errors import ModelError
from lungml.params.data import IntensityParams
from lungml.params.model import RecipeParams, TuneParams, WeightsParams
from lungml.stages import tune
from lungml.tables import SPLIT, read_table, write_table
from lungml.terms import Task

PARAMS = TuneParams(
    trials=3,
    epochs=2,
    space={
        "batch_size": [15],
        "optimizer": ["adamw", "nadamw"],
        "learning_rate": {"low": 1e-3, "high": 1e-2, "scale": "log"},
        "head": ["linear", "mlp"],
        "augment.zoom": {"low": 0.0, "high": 0.2},
    },
    recipe=RecipeParams(augment=AUGMENT, threads=1),
)
FILES = {
    "access.json",
    "best.json",
    "history.png",
    "importance.json",
    "importance.png",
    "scores.csv",
    "trials.csv",
}


def run(folder, params=PARAMS, out="tuned"):
    tune.run(
        params,
        WeightsParams(),
        IntensityParams(),
        task=Task.NODULE_BINARY,
        screen=folder / "screen",
        views=folder / "views",
        split=folder / "split.parquet",
        out=folder / out,
    )
    return folder / out


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tune")
    write_inputs(folder)
    (folder / "screen").mkdir()
    ranking = {"best": {"backbone": "mobilenetv3_small_050", "depth": 0.6}}
    (folder / "screen" / "ranking.json").write_text(json.dumps(ranking))
    return folder


@pytest.fixture(scope="module")
def done(inputs):
    return run(inputs)


def read(path):
    return json.loads(path.read_text())


def test_the_best_trial_and_the_screened_backbone_are_written(done):
    best = read(done / "best.json")
    trials = pd.read_csv(done / "trials.csv")

    complete = trials[trials["state"] == "COMPLETE"]
    row = complete.loc[complete["value"].idxmax()]
    assert best["backbone"] == "mobilenetv3_small_050"
    assert best["task"] == "nodule-binary"
    assert best["weighted_auprc"] == pytest.approx(row["value"])
    assert best["learning_rate"] == pytest.approx(row["learning_rate"])
    assert best["augment.zoom"] == pytest.approx(row["augment.zoom"])
    assert (best["optimizer"], best["head"], best["batch_size"]) == (row["optimizer"], row["head"], 15)
    assert (best["trials"], best["pruned"]) == (3, (trials["state"] == "PRUNED").sum())
    assert trials["number"].tolist() == [0, 1, 2]


def test_every_epoch_of_every_trial_is_written(done):
    trials = pd.read_csv(done / "trials.csv")
    scores = pd.read_csv(done / "scores.csv")

    assert scores.groupby("number")["epoch"].apply(list).map(len).tolist() == trials["epochs"].tolist()
    best = scores.groupby("number")["score"].max()
    complete = trials["state"] == "COMPLETE"
    assert best[complete].tolist() == pytest.approx(trials["value"][complete].tolist())


def test_the_access_ledger_shows_that_no_test_nodule_was_read(done):
    assert read(done / "access.json")["read"] == {"train": 30, "val": 16, "test": 0}


def test_a_search_that_reads_a_test_nodule_writes_nothing(inputs, monkeypatch):
    def leaking(split, _):
        return [split.assign(part=split["part"].replace("test", "val"))]

    monkeypatch.setattr(tune, "tuning_splits", leaking)

    with pytest.raises(ModelError, match=r"14 nodule\(s\) of the test part were read"):
        run(inputs, out="leaking")

    assert not (inputs / "leaking").exists()


def test_the_search_is_the_same_again_byte_for_byte(done):
    again = run(done.parent, out="again")

    assert {file.name for file in again.iterdir()} == FILES
    for file in again.iterdir():
        assert file.read_bytes() == (done / file.name).read_bytes(), file.name


def test_nothing_but_the_output_is_left(done):
    assert not [path for path in done.parent.iterdir() if path.name.startswith(".")]


def test_a_killed_search_does_not_train_finished_trials_again(done, monkeypatch):
    def killed(text):
        if "trial 2 of 3" in text:
            raise KeyboardInterrupt

    monkeypatch.setattr(tune, "say", killed)
    with pytest.raises(KeyboardInterrupt):
        run(done.parent, out="resumed")
    said = []
    monkeypatch.setattr(tune, "say", said.append)
    journal = (done.parent / ".resumed.work" / "study.log").read_text()

    resumed = run(done.parent, out="resumed")

    assert journal.count('"state":1') == 2
    assert len(said) == 3
    assert (resumed / "trials.csv").read_bytes() == (done / "trials.csv").read_bytes()


def test_with_folds_train_and_validation_change_places(inputs):
    out = run(inputs, PARAMS.model_copy(update={"folds": 2, "trials": 1}), out="folds")

    (trial,) = pd.read_csv(out / "trials.csv").itertuples()
    scores = pd.read_csv(out / "scores.csv")["score"]
    first, second = scores[:2].max(), (2 * scores[2:] - scores[:2].max()).max()
    assert trial.epochs == 4
    assert trial.value == pytest.approx((first + second) / 2)
    assert first != second
    assert read(out / "access.json") == read(inputs / "tuned" / "access.json")


def name_of(inputs, split, params=PARAMS):
    return tune.prepare(
        params,
        WeightsParams(),
        IntensityParams(),
        task=Task.NODULE_BINARY,
        screen=inputs / "screen",
        views=inputs / "views",
        split=split,
        out=inputs / "named",
    ).name


def test_other_data_or_another_space_is_another_search_and_a_larger_budget_is_not(inputs, tmp_path):
    split = inputs / "split.parquet"
    table = read_table(split, SPLIT)
    write_table(tmp_path / "other.parquet", table.assign(binary=1 - table["binary"]), SPLIT)

    here = name_of(inputs, split)

    assert here.startswith("nodule-binary ")
    assert name_of(inputs, split, PARAMS.model_copy(update={"trials": 30})) == here
    assert name_of(inputs, tmp_path / "other.parquet") != here
    assert name_of(inputs, split, PARAMS.model_copy(update={"epochs": 3})) != here


def test_a_named_backbone_needs_no_screening(tmp_path):
    assert tune.choose_backbone("resnet10t", tmp_path / "absent") == "resnet10t"
