"""What all stages before the report leave behind, small, for every task: real tables, invented answers."""

import json
import shutil

import numpy as np
from index_tables import make_index, write_index
from trust_files import make_evidence, write_trust

from lungml.checks.findings import audit_result
from lungml.embeddings import Embeddings, write_embeddings
from lungml.evaluation.baselines import BASELINES, Lesson
from lungml.evaluation.keyed import FILE, keyed, write_answers
from lungml.evaluation.results import compared, judge, values_of
from lungml.evaluation.tally import check_cases
from lungml.exclusions import record_of
from lungml.figures.style import new_figure, save
from lungml.files import write_json
from lungml.imaging.store import write_store
from lungml.labels import labels_of
from lungml.params.data import LabelParams, SplitParams, ViewsParams
from lungml.params.evaluation import EvaluateParams
from lungml.params.model import OutlierParams, ScreenParams
from lungml.params.scope import ScopeParams
from lungml.sealing.ledger import Sealed, enter
from lungml.splits import assign_folds, assign_parts
from lungml.stages import outliers, screen
from lungml.tables import SPLIT, write_table
from lungml.terms import Part, Task, View

BACKBONES = ("resnet10t", "mobilenetv3_small_050")
FIGURES = {
    "evaluate": (
        *("precision_recall", "roc", "calibration", "confusion"),
        *("reliability", "risk_coverage", "decision", "subgroups"),
    ),
    "finetune": ("learning_curve",),
    "tune": ("history",),
    "explain": ("gallery", "case_01"),
}
TRAINING = {"epochs": 12, "best_epoch": 9, "weighted_auprc": 0.71, "val_loss": 0.55, "train": [90, 30]}
SIGNAL = {"slice-binary": 0.3, "slice-five": 0.2, "nodule-binary": 2.5, "nodule-five": 1.2}


def write_project(root, *, patients=40, screening=None, depths=(0.2, 1.0), seed=0):
    """Write all of `root/data` and `root/reports` that the report reads."""
    tables, split = write_inputs(root, patients=patients, depths=depths, seed=seed)
    write_json(root / "data/index/summary.json", index_summary(tables))
    write_json(root / "reports/validate/result.json", checks_result())
    write_json(root / "reports/audit/result.json", audit_result([], {"nodules": len(split)}))
    (root / "reports/validate/data_docs").mkdir()
    (root / "reports/validate/data_docs/index.html").write_text("<html></html>")
    outliers.run(
        OutlierParams(backbone=BACKBONES[0], trees=20),
        ScopeParams(),
        **outlier_paths(root),
        out=root / "reports/outliers",
    )
    rng = np.random.default_rng(seed)
    for task in Task:
        params = screening or ScreenParams(folds=2, repeats=1, components=8)
        screen.run(params, task=task, **input_paths(root), out=root / "reports/screen" / task)
        write_task(root / "reports", task, tables, split, rng)


def write_inputs(root, *, patients=40, depths=(0.2, 1.0), seed=0):
    """Write index, split, views and embeddings below `root/data`; give the tables of the first two."""
    rng = np.random.default_rng(seed)
    tables = make_index(patients, seed)
    write_index(root / "data/index", tables)
    split = make_split(tables, seed)
    write_table(root / "data/split.parquet", split, SPLIT)
    write_json(root / "reports/split/excluded.json", record_of(split, []))
    for view in View:
        write_views(root / "data/views" / view, split, tables.nodules, rng)
    for backbone in BACKBONES:
        for view in View:
            by_depth = {depth: features(split, view, rng) for depth in depths}
            found = Embeddings(backbone, "random (seed 20250301)", tuple(split["nodule_id"]), by_depth)
            write_embeddings(root / "data/embeddings" / backbone, view, found)
    return tables, split


def input_paths(root):
    """What the stages outliers and screen read."""
    return {
        "embeddings": root / "data/embeddings",
        "views": root / "data/views",
        "split": root / "data/split.parquet",
        "index": root / "data/index",
    }


def outlier_paths(root):
    """What the stage outliers reads."""
    return input_paths(root) | {"excluded": root / "reports/split/excluded.json"}


def write_views(folder, split, nodules, rng, size_px=24):
    """A ball of soft tissue in lung for every nodule."""
    items = split[["nodule_id", "patient_id"]].merge(nodules[["nodule_id", "series_uid"]], on="nodule_id")
    items = items.assign(z_index=np.int32(50), pixel_spacing_mm=1.5).sort_values(
        "nodule_id", ignore_index=True
    )
    y, x = np.mgrid[:size_px, :size_px] - (size_px - 1) / 2
    masks = np.hypot(y, x) < rng.uniform(2, 8, (len(items), 1, 1))
    images_hu = np.where(masks, 30, -850) + rng.normal(0, 25, masks.shape)
    info = {"view": folder.name, "params": {}, "data_sha256": "a" * 64}
    write_store(folder, images_hu=images_hu[:, None].astype(np.int16), masks=masks, items=items, info=info)


def make_split(tables, seed):
    labels = labels_of(tables.nodules, LabelParams())
    rows = labels.merge(tables.nodules[["nodule_id", "patient_id"]], on="nodule_id")
    patients, targets = rows["patient_id"].to_numpy(), rows[["binary", "five"]]
    params = SplitParams(val_fraction=0.2, seed=seed)
    part = assign_parts(patients, targets[["binary"]], params)
    fold = assign_folds(patients, targets, folds=params.folds, seed=seed)
    return rows.assign(part=part, fold=np.where(part == Part.TEST, -1, fold).astype("int8"))


def features(split, view, rng, size=12):
    latent = split["score"].to_numpy()[:, None] if view == View.NODULE else 0.0
    return (rng.normal(size=(len(split), size)) + 0.4 * latent * rng.normal(size=size)).astype("float32")


def write_task(reports, task, tables, split, rng):
    folders = {name: reports / name / task for name in FIGURES}
    for folder in folders.values():
        folder.mkdir(parents=True)
    metrics = measured(task, tables, split, rng, folders["evaluate"])
    for stage, folder in folders.items():
        for name in FIGURES[stage]:
            shutil.copyfile(placeholder(reports), folder / f"{name}.png")
    write_json(folders["evaluate"] / "metrics.json", metrics)
    write_trust(folders["evaluate"], make_evidence(task, tables, split, signal=SIGNAL[task]))
    enter(
        reports.parent / "test-ledger.jsonl",
        Sealed(task, "b" * 64, "c" * 64),
        reason="",
        metrics={"weighted_auprc": metrics["raw"]["weighted_auprc"]["value"]},
        preregistered=None,
    )
    best = {"backbone": "resnet10t", "batch_size": 16, "optimizer": "adamw", "learning_rate": 0.0012}
    write_json(
        folders["tune"] / "best.json",
        {"task": task, **best, "head": "mlp", "weighted_auprc": 0.71, "trials": 6, "pruned": 2},
    )
    write_json(folders["finetune"] / "summary.json", {"task": task, **TRAINING})
    write_json(folders["explain"] / "cases.json", explained())
    write_json(reports.parent / "models" / task / "bundle.json", described_bundle(task))
    write_json(reports / "register" / f"{task}.json", registered(task, metrics))


def described_bundle(task):
    """What `bundle.json` says, but for its checksums."""
    member = {"backbone": "resnet10t", "head": "mlp", "weights": "random (seed 20250301)"}
    return {
        "members": [member | {"normalisation": {"windows_hu": [[-1000.0, 400.0]]}}] * 2,
        "task": task,
        "classes": list(task.target.class_names),
        "views": ViewsParams().model_dump(mode="json"),
        "labels": LabelParams().model_dump(mode="json"),
        "versions": {"lungml": "0.1.0", "torch": "2.11.0"},
    }


def placeholder(reports):
    """One picture for all figures: drawing each would take most of the tests' time."""
    path = reports / "placeholder.png"
    if not path.is_file():
        figure, axes = new_figure(6.4, 3.0)
        axes.plot([0, 1, 2], [0.5, 0.7, 0.75])
        save(figure, path)
    return path


def measured(task, tables, split, rng, evaluation):
    """Metrics of an invented model whose answers are the score plus noise, by the real measures.

    The answers on test go into folder `evaluation`.
    """
    rows = split.merge(tables.nodules[["nodule_id", "diameter_mm"]], on="nodule_id")
    rows = rows.rename(columns={task.target.value: "label"})
    known, test = rows[rows["part"] != Part.TEST], rows[rows["part"] == Part.TEST]
    classes = len(task.target.class_names)
    logits = rng.normal(size=(len(test), classes))
    logits[np.arange(len(test)), test["label"]] += SIGNAL[task]
    shown = [
        np.exp(scale * logits) / np.exp(scale * logits).sum(axis=1, keepdims=True) for scale in (1.0, 1.1)
    ]
    shown[1] = np.abs(shown[1] + rng.normal(scale=0.02, size=shown[1].shape))
    shown[1] /= shown[1].sum(axis=1, keepdims=True)
    write_answers(evaluation / FILE, keyed(test.assign(probabilities=list(shown[0]))))
    patients = test["patient_id"]
    raw, tta = (judge(check_cases(test["label"], answers), patients) for answers in shown)
    seen = [np.log(part[["diameter_mm"]].to_numpy()) for part in (known, test)]
    lesson = Lesson(seen[0], known["label"].to_numpy("int64"), seen[1], classes, ScreenParams())
    baselines = {
        name: judge(check_cases(test["label"], answer(lesson)), patients)
        for name, answer in BASELINES.items()
        if name != "frozen_features"
    }
    shares = test["label"].value_counts(normalize=True)
    return {
        "task": task,
        "classes": list(task.target.class_names),
        "part": "test",
        "n": len(test),
        "patients": int(patients.nunique()),
        "class_shares": {name: float(shares.get(i, 0)) for i, name in enumerate(task.target.class_names)},
        "confidence": 0.95,
        "weights": "random",
        "tta_views": ["identity"],
        "raw": values_of(raw, 0.95),
        "tta": values_of(tta, 0.95),
        "baselines": {name: values_of(made, 0.95) for name, made in baselines.items()},
        "baselines_seen": {
            "notes": {"random_features": "resnet10t, 100% of its layers"},
            "absent": {"frozen_features": "the backbones have random weights (weights.source)"},
        },
        "lineage": {"data_sha256": "a" * 64, "split_sha256": "b" * 64, "bundle_sha256": "c" * 64},
        **compared(raw, tta, baselines, patients, EvaluateParams(replicates=200)),
    }


def index_summary(tables):
    return {
        "series": len(tables.series),
        "patients": int(tables.series["patient_id"].nunique()),
        "nodules": len(tables.nodules),
        "readings": len(tables.readings),
        "quarantined": {"LM-D001": 2},
        "data_sha256": "a" * 64,
    }


def checks_result():
    check = {
        "expectation": "expect_column_values_to_be_between",
        "column": "spacing_z_mm",
        "severity": "critical",
        "expected": "values are between 0.3 and 5",
        "success": True,
        "unexpected_count": 0,
        "found": "",
        "rows": [],
    }
    mild = {**check, "severity": "warning", "success": False, "unexpected_count": 1, "found": "1 of 40 rows"}
    return {
        "success": True,
        "suites": [
            {"name": "series", "success": True, "checks": [check, check]},
            {"name": "nodules", "success": True, "checks": [check, mild]},
        ],
    }


def explained():
    summary = {"n": 70, "empty": 1, "energy_in_mask": 0.41, "area_share": 0.083, "pointing": 0.66}
    return {"summary": summary, "trust": {"trusted": True, "reasons": []}, "cases": []}


def registered(task, metrics):
    return {
        "task": task,
        "registered_model": task.registered_model,
        "version": 1,
        "run_id": "0" * 32,
        "aliases": ["challenger", "champion"],
        "pending": False,
        "params": {"finetune.epochs": 20, "labels.threes": "benign"},
        "tags": {"git_commit": "f" * 40, "git_dirty": "false", "params_sha256": "d" * 64}
        | metrics["lineage"],
    }


def edit_json(path, **changes):
    """Change values of a JSON file in place."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
