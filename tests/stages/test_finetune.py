"""What the stage finetune leaves of one training, and what it does not depend on."""

import json
import os
import signal

import numpy as np
import pandas as pd
import pytest
import torch
from finetune_runs import PARAMS, contents, poison_images, run, write_best
from training_examples import write_inputs

from lungml.bundle import bundle_sha256, predict, read_bundle
from lungml.errors import InterruptedRunError, ModelError
from lungml.evaluation.ood import distances_from_train
from lungml.imaging.store import read_store
from lungml.members import training
from lungml.params.model import WeightsParams
from lungml.system_metrics import kept
from lungml.tables import SPLIT, read_table, write_table
from lungml.terms import Task


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


def test_the_bundle_knows_what_is_usual_in_train_and_how_much_it_varies_in_validation(done):
    folder = done[0].parent.parent
    store, split = read_store(folder / "views"), read_table(folder / "split.parquet", SPLIT)
    bundle = read_bundle(done[0])
    val = (split["part"] == "val").to_numpy()

    far = distances_from_train(bundle, bundle.usual, store.images_hu[val])

    assert np.sort(far) == pytest.approx(bundle.usual.held_out, rel=1e-4, abs=1e-4)


def test_what_the_machine_did_is_kept_beside_the_bundle_with_the_speed_of_each_epoch(done):
    measured = kept(done[0], bundle_sha256(done[0]))

    epochs = pd.read_csv(done[1] / "history.csv")["epoch"].tolist()
    speeds = {each.step: each.value for each in measured if each.name == "speed/images_per_second"}
    assert list(speeds) == epochs
    assert all(speed > 0 for speed in speeds.values())
    assert [each.step for each in measured if each.name == "system/process_memory_usage_megabytes"] == [0]


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
        patch.setattr(training, "say", stop_after_second_epoch)
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
    poison_images(views, test)
    write_best(tmp_path)

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
    assert lines[-1].endswith(", 0 s left")


def test_repeats_are_members_with_other_seeds(tmp_path):
    bundle, log = run(tmp_path, PARAMS.model_copy(update={"epochs": 1, "head_epochs": 0, "repeats": 2}))

    first, second = (member.classifier.state_dict() for member in read_bundle(bundle).members)

    assert not torch.equal(first["head.weight"], second["head.weight"])
    assert pd.read_csv(log / "members.csv")["repeat"].tolist() == [0, 1]


def test_missing_weights_of_a_later_variant_are_told_before_the_first_is_trained(tmp_path, monkeypatch):
    params = PARAMS.model_copy(update={"variants": {"first": {}, "other": {"backbone": "resnet10t"}}})
    monkeypatch.chdir(tmp_path)  # away from the lock of weights
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "mobilenetv3_small_050.safetensors").write_bytes(b"those of the first")

    with pytest.raises(ModelError, match=r"weights of resnet10t cannot be had: .* has neither resnet10t"):
        run(tmp_path, params, weights=WeightsParams(source="pretrained", folder=tmp_path / "weights"))

    assert not list(tmp_path.rglob(".*.work"))
