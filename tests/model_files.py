"""The files of a trained model as the stages before `register` leave them, small and quick to write."""

import json

import numpy as np

from lungml.bundle import write_bundle
from lungml.evaluation.keyed import FILE, KeyedAnswers, write_answers
from lungml.evaluation.tally import Cases
from lungml.files import sha256_file
from lungml.terms import Task
from lungml.tracking.record import Record, bundle_sha256, flat_params, lineage_tags

METRICS = ("weighted_auprc", "macro_auprc", "auroc", "f1_weighted", "balanced_accuracy")


def metrics_json(bundle_sha256, *, value=0.8, low=0.7, split="b" * 64):
    cell = {"value": value, "low": low, "high": 0.9, "chance": 0.5, "skill": 0.6}
    difference = {"value": 0.1, "low": -0.1, "high": 0.2}
    return {
        "task": "nodule-binary",
        "classes": ["benign", "malignant"],
        "part": "test",
        "n": 40,
        "patients": 20,
        "class_shares": {"benign": 0.5, "malignant": 0.5},
        "weights": "random",
        "tta_views": 5,
        "raw": {name: dict(cell) for name in METRICS} | {"mcc": dict.fromkeys(cell)},
        "tta": {name: dict(cell) for name in METRICS},
        "tta_minus_raw": {name: dict(difference) for name in METRICS},
        "baselines": {"diameter": {name: {**cell, "value": 0.6} for name in METRICS}},
        "model_minus_diameter": {name: dict(difference) for name in METRICS},
        "comparisons": {
            "metric": "weighted_auprc",
            "primary": "diameter",
            "rows": {
                name: {**difference, "p": 0.2, "p_corrected": 0.4, "words": "no difference shown"}
                for name in ("diameter", "metadata")
            },
        },
        "lineage": {"data_sha256": "a" * 64, "split_sha256": split, "bundle_sha256": bundle_sha256},
    }


def make_answers(*, skill=0.3, nodules=range(160), seed=0):
    """Answers of two classes on `nodules`, two of a patient; of equal seeds the better, the more skill."""
    rng = np.random.default_rng(seed)
    labels, noise = rng.integers(0, 2, 1000), rng.random(1000)
    malignant = (skill * labels + (1 - skill) * noise)[list(nodules)]
    keys = [[f"{kind}{number // size:04}" for number in nodules] for kind, size in (("n", 1), ("p", 2))]
    cases = Cases(labels[list(nodules)], np.column_stack([1 - malignant, malignant]))
    return KeyedAnswers(*map(np.array, keys), cases)


def write_model_files(root, *, bundle=None, weights=b"weights", answers=None, **measured):
    """Write all folders of one model below `root`; `measured` goes to `metrics_json`.

    Without a real `bundle` its files hold a few words, which is enough for everything but predicting.
    """
    folders = {
        name: root / name
        for name in ("bundle", "tuned", "log", "evaluation", "explanation", "screen", "card")
    }
    for folder in folders.values():
        folder.mkdir(parents=True, exist_ok=True)
    if bundle is None:
        _write_words_for_a_bundle(folders["bundle"], weights)
    else:
        write_bundle(folders["bundle"], bundle)
    metrics = metrics_json(bundle_sha256(folders["bundle"]), **measured)
    (folders["evaluation"] / "metrics.json").write_text(json.dumps(metrics))
    write_answers(folders["evaluation"] / FILE, answers or make_answers())
    (folders["evaluation"] / "roc.png").write_bytes(b"picture")
    (folders["evaluation"] / "predictions.parquet").write_bytes(b"one row per patient")
    (folders["log"] / "history.csv").write_text(
        "epoch,stage,train_loss,val_weighted_auprc\n0,head,0.9,0.55\n1,all,0.7,0.65\n2,all,0.5,nan\n"
    )
    write_search(folders["tuned"])
    (folders["explanation"] / "gallery.png").write_bytes(b"picture")
    for name in ("model_card.md", "model_card.html"):
        (folders["card"] / name).write_text("a card")
    (folders["screen"] / "heatmap.png").write_bytes(b"picture")
    return folders


def write_search(folder):
    """Two complete trials and one that was pruned, as the tune stage leaves them."""
    best = {"task": "nodule-binary", "backbone": "resnet10t", "weighted_auprc": 0.8, "trials": 3, "pruned": 1}
    drawn = {"batch_size": 16, "learning_rate": 0.02, "augment.zoom": 0.1}
    (folder / "best.json").write_text(json.dumps(best | drawn))
    (folder / "trials.csv").write_text(
        "number,state,value,epochs,batch_size,learning_rate,augment.zoom\n"
        "0,COMPLETE,0.7,2,16,0.01,0.0\n1,PRUNED,0.4,1,32,,0.2\n2,COMPLETE,0.8,2,16,0.02,0.1\n"
    )
    (folder / "scores.csv").write_text("number,epoch,score\n0,1,0.6\n0,2,0.7\n1,1,0.4\n2,1,0.8\n2,2,0.75\n")
    (folder / "importance.json").write_text(json.dumps({"augment.zoom": 0.25, "learning_rate": 0.75}))
    for name in ("history.png", "importance.png"):
        (folder / name).write_bytes(b"picture")


def _write_words_for_a_bundle(folder, weights):
    (folder / "weights.safetensors").write_bytes(weights)
    info = {"weights_sha256": sha256_file(folder / "weights.safetensors")}
    (folder / "bundle.json").write_text(json.dumps(info))


def make_record(root, params, *, task=Task.NODULE_BINARY, **files):
    """Write the files and give their record, as the register stage does."""
    folders = write_model_files(root, **files)
    own = params.tasks[task]
    flat = flat_params({"views": params.views, "tune": own.tune, "finetune": own.finetune})
    metrics = json.loads((folders["evaluation"] / "metrics.json").read_text())
    tags = lineage_tags(bundle_sha256(folders["bundle"]), metrics, flat)
    return Record(task, folders, flat, tags)
