import json

import pandas as pd
import pytest
from training_examples import AUGMENT, write_inputs

from lungml.params.data import IntensityParams
from lungml.params.model import RecipeParams, TuneParams, WeightsParams
from lungml.stages import tune
from lungml.terms import Task

PARAMS = TuneParams(
    trials=3,
    epochs=2,
    batch_sizes=(15,),
    learning_rate=(1e-3, 1e-2),
    recipe=RecipeParams(augment=AUGMENT, threads=1),
)


def run(folder, params=PARAMS, out="tuned"):
    views, split = folder / "views", folder / "split.parquet"
    if not views.exists():
        write_inputs(folder)
        (folder / "screen").mkdir()
        (folder / "screen" / "ranking.json").write_text(
            json.dumps({"best": {"backbone": "mobilenetv3_small_050", "depth": 0.6}})
        )
    tune.run(
        params,
        WeightsParams(),
        IntensityParams(),
        task=Task.NODULE_BINARY,
        screen=folder / "screen",
        views=views,
        split=split,
        out=folder / out,
    )
    return folder / out


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return run(tmp_path_factory.mktemp("tune"))


def test_the_best_trial_and_the_screened_backbone_are_written(done):
    best = json.loads((done / "best.json").read_text())
    trials = pd.read_csv(done / "trials.csv")

    complete = trials[trials["state"] == "COMPLETE"]
    row = complete.loc[complete["value"].idxmax()]
    assert best["backbone"] == "mobilenetv3_small_050"
    assert best["task"] == "nodule-binary"
    assert best["weighted_auprc"] == pytest.approx(row["value"])
    assert best["learning_rate"] == pytest.approx(row["learning_rate"])
    assert (best["optimizer"], best["head"], best["batch_size"]) == (row["optimizer"], row["head"], 15)
    assert (best["trials"], best["pruned"]) == (3, (trials["state"] == "PRUNED").sum())
    assert trials["number"].tolist() == [0, 1, 2]


def test_the_search_is_the_same_again_byte_for_byte(done):
    again = run(done.parent, out="again")

    assert sorted(file.name for file in again.iterdir()) == ["best.json", "history.png", "trials.csv"]
    for file in again.iterdir():
        assert file.read_bytes() == (done / file.name).read_bytes()


def test_nothing_but_the_output_is_left(done):
    assert not [path for path in done.parent.iterdir() if path.name.startswith(".")]


def test_a_killed_search_does_not_train_finished_trials_again(done, monkeypatch):
    def killed(text):
        if "trial 2 of 3" in text:
            raise KeyboardInterrupt

    monkeypatch.setattr(tune, "say", killed)
    with pytest.raises(KeyboardInterrupt):
        run(done.parent, out="resumed")
    trained = []
    train = tune.train
    monkeypatch.setattr(tune, "say", lambda _: None)
    monkeypatch.setattr(tune, "train", lambda *given: trained.append(given) or train(*given))

    resumed = run(done.parent, out="resumed")

    assert len(trained) == 1
    assert (resumed / "trials.csv").read_bytes() == (done / "trials.csv").read_bytes()


def test_a_named_backbone_needs_no_screening(tmp_path):
    assert tune.choose_backbone("resnet10t", tmp_path / "absent") == "resnet10t"
