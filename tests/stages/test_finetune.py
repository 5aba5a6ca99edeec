import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from sklearn.metrics import roc_auc_score
from training_examples import AUGMENT, write_inputs

from lungml.bundle import predict, read_bundle
from lungml.errors import InterruptedRunError, ModelError
from lungml.evaluation.ood import distances_from_train
from lungml.files import sha256_file
from lungml.imaging.store import read_store
from lungml.members import training
from lungml.params.data import IntensityParams, LabelParams
from lungml.params.model import RecipeParams, WeightsParams
from lungml.params.task import FinetuneParams
from lungml.stages import finetune
from lungml.tables import PREDICTIONS, SPLIT, read_table, write_table
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
WEIGHTS = WeightsParams(seed=5)


def run(folder, params=PARAMS, name="model", weights=WEIGHTS):
    if not (folder / "views").exists():
        write_inputs(folder)
        write_best(folder)
    finetune.run(
        params,
        weights,
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


def write_best(folder):
    (folder / "tuned").mkdir()
    (folder / "tuned" / "best.json").write_text(json.dumps(BEST))


def poison_images(views, rows):
    """Replace the images of some rows of a store by noise."""
    images = np.load(views / "images.npy")
    images[rows] = np.random.default_rng(0).integers(-1000, 400, images[rows].shape)
    np.save(views / "images.npy", images)
    info = json.loads((views / "store.json").read_text())
    info["sha256"]["images.npy"] = sha256_file(views / "images.npy")
    (views / "store.json").write_text(json.dumps(info))


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


def test_the_bundle_knows_what_is_usual_in_train_and_how_much_it_varies_in_validation(done):
    folder = done[0].parent.parent
    store, split = read_store(folder / "views"), read_table(folder / "split.parquet", SPLIT)
    bundle = read_bundle(done[0])
    val = (split["part"] == "val").to_numpy()

    far = distances_from_train(bundle, bundle.usual, store.images_hu[val])

    assert np.sort(far) == pytest.approx(bundle.usual.held_out, rel=1e-4, abs=1e-4)


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
    assert lines[-1].endswith("0 min 00 s left")


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


FOLDS = PARAMS.model_copy(update={"fit": "folds", "epochs": 2, "head_epochs": 0})
REFIT = FOLDS.model_copy(update={"fit": "refit"})


@pytest.fixture(scope="module")
def one_worker():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUNGML_WORKERS", "1")
        yield


@pytest.fixture(scope="module")
def folds(tmp_path_factory, one_worker):
    return run(tmp_path_factory.mktemp("folds"), FOLDS)


def test_every_nodule_of_train_and_validation_is_answered_once_by_the_members_that_left_it_out(folds):
    split = read_table(folds[0].parent.parent / "split.parquet", SPLIT).set_index("nodule_id")
    known = split[split["part"] != "test"]
    store, members = read_store(folds[0].parent.parent / "views"), read_bundle(folds[0]).members

    table = read_table(folds[1] / "out_of_fold.parquet", PREDICTIONS)

    assert table["nodule_id"].tolist() == known.index.tolist()
    assert table["label"].tolist() == known["binary"].tolist()
    assert len(members) == 3
    for fold, member in enumerate(members):
        alone = replace(read_bundle(folds[0]), members=(member,))
        rows = table[(known["fold"] == fold).to_numpy()]
        images_hu = store.images_hu[store.rows_of(rows["nodule_id"].tolist())]
        assert np.stack(rows["probabilities"]) == pytest.approx(predict(alone, images_hu), abs=1e-6)


def test_a_fold_that_a_member_leaves_out_changes_nothing_of_it(folds, tmp_path, one_worker):
    """Images and labels of fold 1 are replaced by noise: of three members the second is the same."""
    views, split = write_inputs(tmp_path)
    table = read_table(split, SPLIT)
    poisoned = (table["fold"] == 1).to_numpy()
    table.loc[poisoned, "binary"] = np.random.default_rng(1).permutation(table.loc[poisoned, "binary"])
    write_table(split, table, SPLIT)
    poison_images(views, poisoned)
    write_best(tmp_path)

    changed = read_bundle(run(tmp_path, FOLDS)[0]).members

    same = [
        all(torch.equal(value, other.classifier.state_dict()[name]) for name, value in own.items())
        and one.normalisation == other.normalisation
        for one, other in zip(read_bundle(folds[0]).members, changed, strict=True)
        for own in [one.classifier.state_dict()]
    ]
    assert same == [False, True, False]


def test_the_summary_holds_the_estimate_of_the_cross_validation(folds):
    summary = json.loads((folds[1] / "summary.json").read_text())
    rows = pd.read_csv(folds[1] / "members.csv")

    table = read_table(folds[1] / "out_of_fold.parquet", PREDICTIONS)
    expected = roc_auc_score(table["label"], np.stack(table["probabilities"])[:, 1])
    assert summary["cross_validated"]["raw"]["auroc"]["value"] == pytest.approx(expected)
    assert (summary["folds"], summary["members"], summary["fit"]) == (3, 3, "folds")
    assert summary["weighted_auprc"] == pytest.approx(rows["weighted_auprc"].mean())
    assert (summary["best_epoch"], summary["epochs"]) == (2, 2)


def test_a_refit_carries_the_estimate_of_the_same_cross_validation(folds, one_worker):
    bundle, log = run(folds[0].parent.parent, REFIT, "refit")

    assert (log / "out_of_fold.parquet").read_bytes() == (folds[1] / "out_of_fold.parquet").read_bytes()
    assert len(read_bundle(bundle).members) == 1
    summary = json.loads((log / "summary.json").read_text())
    assert (
        summary["cross_validated"] == json.loads((folds[1] / "summary.json").read_text())["cross_validated"]
    )


def test_members_that_are_done_when_a_run_is_stopped_are_not_trained_again(
    folds, monkeypatch, capsys, one_worker
):
    def stop_in_second_member(text):
        if "member 2 of 3" in text:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(training, "say", stop_in_second_member)
        with pytest.raises(InterruptedRunError):
            run(folds[0].parent.parent, FOLDS, "resumed")
    capsys.readouterr()

    resumed = run(folds[0].parent.parent, FOLDS, "resumed")

    said = capsys.readouterr().err
    assert "member 1 of 3" not in said
    assert "member 3 of 3 (as tuned, repeat 1, without fold 3), epoch 2 of 2" in said
    assert contents(*resumed) == contents(*folds)


def test_variants_are_members_of_one_model_and_judged_each(tmp_path, one_worker):
    variants = {"wide": {}, "narrow": {"intensity.centre_share": 0.6, "head": "ordinal", "loss": "focal"}}
    params = FOLDS.model_copy(update={"epochs": 1, "variants": variants})

    bundle, log = run(tmp_path, params)

    made = [(member.head, member.normalisation.centre_share) for member in read_bundle(bundle).members]
    assert made == [("linear", 1.0)] * 3 + [("ordinal", 0.6)] * 3
    summary = json.loads((log / "summary.json").read_text())
    assert set(summary["by_variant"]) == set(variants)
    assert summary["by_variant"]["wide"] != summary["by_variant"]["narrow"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_twenty_trainings_with_one_worker_or_two_leave_the_same_bytes(folds, monkeypatch):
    for again in range(20):
        monkeypatch.setenv("LUNGML_WORKERS", str(1 + again % 2))
        made = run(folds[0].parent.parent, FOLDS, f"again-{again}")

        assert contents(*made) == contents(*folds)


RUN_WITH_TWO_WORKERS = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from lungml.errors import InterruptedRunError, ModelError
from test_finetune import FOLDS, run
if __name__ == "__main__":
    try:
        run(Path({folder!r}), FOLDS, {name!r})
    except InterruptedRunError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
"""


@contextmanager
def started_with_two_workers(folder, name, tmp_path):
    """A run in a process of its own that has finished an epoch."""
    script = tmp_path / "run.py"
    tests = str(Path(__file__).parent)
    script.write_text(RUN_WITH_TWO_WORKERS.format(tests=tests, folder=str(folder), name=name))
    environment = os.environ | {
        "LUNGML_WORKERS": "2",
        "PYTHONPATH": os.pathsep.join(map(str, (Path(__file__).parents[2], Path(__file__).parents[1]))),
    }
    with subprocess.Popen(
        [sys.executable, script], env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        while "epoch 1" not in process.stderr.readline():
            assert process.poll() is None
        yield process


@pytest.mark.slow
def test_a_run_with_workers_that_is_asked_to_stop_ends_as_interrupted_and_goes_on(
    folds, monkeypatch, tmp_path
):
    folder = folds[0].parent.parent
    with started_with_two_workers(folder, "stopped", tmp_path) as process:
        process.terminate()
        said = process.stderr.read()

    assert process.returncode == InterruptedRunError.exit_code, said
    assert "the same command goes on from there" in said
    monkeypatch.setenv("LUNGML_WORKERS", "1")
    assert contents(*run(folder, FOLDS, "stopped")) == contents(*folds)


@pytest.mark.slow
def test_workers_of_a_run_that_was_killed_stop_by_themselves_and_it_goes_on(folds, monkeypatch, tmp_path):
    folder, work = folds[0].parent.parent, folds[0].parent / ".killed.work"
    with started_with_two_workers(folder, "killed", tmp_path) as process:
        workers = psutil.Process(process.pid).children(recursive=True)
        process.kill()

        _, alive = psutil.wait_procs(workers, timeout=90)

    assert not alive
    assert work.is_dir()
    monkeypatch.setenv("LUNGML_WORKERS", "1")
    assert contents(*run(folder, FOLDS, "killed")) == contents(*folds)
