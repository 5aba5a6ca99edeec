import json
import os
import signal

import numpy as np
import pandas as pd
import pytest
from training_examples import AUGMENT, write_inputs

from lungml.bundle import predict, read_bundle
from lungml.errors import InterruptedRunError
from lungml.imaging.store import read_store
from lungml.params.data import IntensityParams, LabelParams
from lungml.params.model import FinetuneParams, RecipeParams, WeightsParams
from lungml.stages import finetune
from lungml.tables import SPLIT, read_table, write_table
from lungml.terms import Task

PARAMS = FinetuneParams(
    head_epochs=1, epochs=3, recipe=RecipeParams(augment=AUGMENT, threads=1, average_decay=0.5)
)
BEST = {
    "task": "nodule-binary",
    "backbone": "mobilenetv3_small_050",
    "batch_size": 14,
    "optimizer": "adamw",
    "learning_rate": 0.005,
    "head": "linear",
    "weighted_auprc": 0.8,
    "trials": 3,
    "pruned": 0,
}


def run(folder, params=PARAMS, name="model"):
    if not (folder / "views").exists():
        write_inputs(folder)
        (folder / "tuned").mkdir()
        (folder / "tuned" / "best.json").write_text(json.dumps(BEST))
    finetune.run(
        params,
        WeightsParams(seed=5),
        IntensityParams(),
        LabelParams(min_readers=2),
        task=Task.NODULE_BINARY,
        tuned=folder / "tuned",
        views=folder / "views",
        split=folder / "split.parquet",
        out=folder / "models" / name,
        log=folder / "logs" / name,
    )
    return folder / "models" / name, folder / "logs" / name


def contents(*folders):
    return {
        (place, file.name): file.read_bytes()
        for place, folder in enumerate(folders)
        for file in folder.iterdir()
    }


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    return run(tmp_path_factory.mktemp("finetune"))


def test_the_bundle_holds_what_the_training_was_made_of(done):
    folder = done[0].parent.parent
    store = read_store(folder / "views")

    bundle = read_bundle(done[0])

    assert bundle.task is Task.NODULE_BINARY
    assert bundle.weights == "random (seed 5)"
    assert bundle.labels.min_readers == 2
    assert bundle.views.size_px == store.images_hu.shape[-1]
    assert bundle.lineage["data_sha256"] == "d" * 64
    assert predict(bundle, store.images_hu[:2]).shape == (2, 2)


def test_the_kept_weights_are_those_of_the_best_epoch(done):
    """The bundle's own predictions of the validation part have the loss of the best row of the history."""
    folder = done[0].parent.parent
    store, split = read_store(folder / "views"), read_table(folder / "split.parquet", SPLIT)
    summary = json.loads((done[1] / "summary.json").read_text())
    history = pd.read_csv(done[1] / "history.csv").set_index("epoch")
    val = (split["part"] == "val").to_numpy()

    probabilities = predict(read_bundle(done[0]), store.images_hu[val])

    chosen = probabilities[np.arange(val.sum()), split.loc[val, "binary"]]
    assert history.loc[summary["best_epoch"], "val_weighted_auprc"] == history["val_weighted_auprc"].max()
    assert -np.log(chosen).mean() == pytest.approx(history.loc[summary["best_epoch"], "val_loss"], rel=1e-4)
    assert summary["val"] == np.bincount(split.loc[val, "binary"]).tolist()


def test_the_history_has_the_head_first_and_no_times(done):
    history = pd.read_csv(done[1] / "history.csv")

    assert history["phase"].tolist() == ["head", "schedule", "schedule", "schedule"]
    assert not {"seconds", "images_per_s"} & set(history.columns)


def test_training_is_the_same_again_byte_for_byte(done):
    again = run(done[0].parent.parent, name="again")

    assert contents(*again) == contents(*done)


def test_a_stopped_training_goes_on_to_the_same_bytes(done, monkeypatch, capsys):
    folder = done[0].parent.parent

    def stop_after_second_epoch(text):
        if "epoch 2 of 4" in text:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(finetune, "say", stop_after_second_epoch)
        with pytest.raises(InterruptedRunError) as stopped:
            run(folder, name="resumed")
    assert stopped.value.exit_code == 75
    assert not (folder / "models" / "resumed").exists()
    assert (folder / "models" / ".resumed.work").is_dir()

    resumed = run(folder, name="resumed")

    assert contents(*resumed) == contents(*done)
    assert not (folder / "models" / ".resumed.work").exists()


def test_test_images_change_nothing(done, tmp_path):
    """The test part poisoned with noise, and its labels shuffled: same bundle weights, same history."""
    views, split = write_inputs(tmp_path)
    table = read_table(split, SPLIT)
    test = (table["part"] == "test").to_numpy()
    table.loc[test, "binary"] = 1 - table.loc[test, "binary"]
    write_table(split, table, SPLIT)
    images = np.load(views / "images.npy")
    images[test] = np.random.default_rng(0).integers(-1000, 400, images[test].shape)
    np.save(views / "images.npy", images)
    info = json.loads((views / "store.json").read_text())
    info["sha256"]["images.npy"] = finetune.sha256_file(views / "images.npy")
    (views / "store.json").write_text(json.dumps(info))
    (tmp_path / "tuned").mkdir()
    (tmp_path / "tuned" / "best.json").write_text(json.dumps(BEST))

    bundle, log = run(tmp_path)

    for name, folder, before in (
        ("weights.safetensors", bundle, done[0]),
        ("history.csv", log, done[1]),
    ):
        assert (folder / name).read_bytes() == (before / name).read_bytes()


def test_each_epoch_is_one_line_for_a_person(tmp_path, capsys):
    run(tmp_path)

    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    for word in (
        "epoch 2 of 4 (schedule)",
        "loss",
        "weighted AUPRC",
        "balanced accuracy",
        "LR",
        "100% trained",
    ):
        assert word in lines[1]
    assert lines[-1].endswith("0 min 00 s left")
