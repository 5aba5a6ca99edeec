"""Members that leave out a fold each: what they answer, and that workers, stops and kills change no byte."""

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
from finetune_runs import FOLDS, REFIT, contents, poison_images, run, write_best
from sklearn.metrics import roc_auc_score
from training_examples import write_inputs

from lungml.bundle import predict, read_bundle
from lungml.errors import InterruptedRunError
from lungml.imaging.store import read_store
from lungml.members import training
from lungml.tables import PREDICTIONS, SPLIT, read_table, write_table


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


def test_variants_are_members_of_one_model_and_judged_each(tmp_path, one_worker, capsys):
    variants = {"wide": {}, "narrow": {"intensity.centre_share": 0.6, "head": "ordinal", "loss": "focal"}}
    params = FOLDS.model_copy(update={"epochs": 1, "variants": variants})

    bundle, log = run(tmp_path, params)

    made = [(member.head, member.normalisation.centre_share) for member in read_bundle(bundle).members]
    assert made == [("linear", 1.0)] * 3 + [("ordinal", 0.6)] * 3
    summary = json.loads((log / "summary.json").read_text())
    found, said = summary["by_variant"], capsys.readouterr().err
    assert (summary["unchanged"], list(found)) == ("wide", ["all together", "narrow", "wide"])
    gain = found["narrow"]["tta_minus_unchanged"]["weighted_auprc"]
    values = [found[name]["tta"]["weighted_auprc"]["value"] for name in ("narrow", "wide")]
    assert gain["value"] == pytest.approx(values[0] - values[1])
    assert f"narrow: weighted AUPRC {values[0]:.3f} (" in said
    assert f"; minus wide: {gain['value']:+.3f} ({gain['low']:+.3f} to {gain['high']:+.3f})" in said


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
from lungml.errors import InterruptedRunError
from finetune_runs import FOLDS, run
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
    script.write_text(RUN_WITH_TWO_WORKERS.format(folder=str(folder), name=name))
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
