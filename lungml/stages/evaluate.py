"""Measure a task's model on the test part, raw and with test-time views, beside its baselines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lungml.bundle import Bundle, bundle_sha256, predict, read_bundle
from lungml.errors import InputError
from lungml.evaluation.baselines import BASELINES
from lungml.evaluation.calibration import with_temperature
from lungml.evaluation.evidence import gather_evidence
from lungml.evaluation.ood import judge_distances
from lungml.evaluation.results import Judged, calibration_of, differences, judge, values_of
from lungml.evaluation.summary import summary_lines
from lungml.evaluation.tally import Cases, check_cases
from lungml.evaluation.trust import suspicious, trust
from lungml.evaluation.tta import VIEWS, predict_tta
from lungml.figures.curves import calibration_figure, confusion_figure, precision_recall_figure, roc_figure
from lungml.figures.style import save
from lungml.figures.trust import draw_trust
from lungml.files import atomic_folder, sha256_file, write_json
from lungml.imaging.store import ViewStore, read_store
from lungml.params.evaluation import EvaluateParams
from lungml.progress import say
from lungml.sealing.ledger import Sealed
from lungml.sealing.seal import ask
from lungml.tables import NODULES, PREDICTIONS, SPLIT, SUSPICIOUS, read_table, write_table
from lungml.terms import Part, Target, Task


@dataclass(frozen=True)
class _Test:
    """Everything judged on the test part."""

    nodules: pd.DataFrame
    raw: Judged
    tta: Judged
    baselines: dict[str, Judged]


def run(  # noqa: PLR0913 - a path for each thing that is known of the nodules
    params: EvaluateParams,
    *,
    task: Task,
    bundle: Path,
    views: Path,
    split: Path,
    index: Path,
    diagnoses: Path,
    ledger: Path,
    out: Path,
) -> None:
    """Write `out/{metrics.json, trust.json, predictions.parquet, suspicious_labels.parquet}` and the curves.

    Opening the test part is entered in `ledger`, which is no output: it grows from model to model.

    Raises:
        InputError: the bundle is of another task or was trained on another split, a part has no nodules, or
            the test part may not be opened.
    """
    model = read_bundle(bundle)
    _check_fit(model, task, split)
    sealed = Sealed(task.value, model.lineage["split_sha256"], bundle_sha256(bundle))
    permit = ask(sealed, ledger, params.preregistration)
    store = read_store(views)
    nodules = _nodules(split, index, task.target)
    predicted = _predict(model, store, nodules)
    test, val = _judge(nodules, predicted), _cases(predicted[predicted["part"] == Part.VAL], "probabilities")
    metrics = _metrics(params, task, model, test) | {
        "calibration": calibration_of(val, test.raw.cases, params),
        "lineage": dict(model.lineage) | {"bundle_sha256": sealed.bundle_sha256},
    }
    evidence = gather_evidence(predicted, index, diagnoses, task=task, labels=model.labels)
    found = trust(evidence, params) | {"out_of_distribution": judge_distances(model, store, nodules, params)}
    permit.enter(metrics, model.labels)
    with atomic_folder(out) as temporary:
        write_table(temporary / "predictions.parquet", predicted, PREDICTIONS)
        write_json(temporary / "metrics.json", metrics)
        write_json(temporary / "trust.json", found)
        write_table(temporary / "suspicious_labels.parquet", suspicious(evidence), SUSPICIOUS)
        _draw(temporary, task, test, metrics["calibration"])
        draw_trust(temporary, task, test.raw.cases, found)
    for line in summary_lines(metrics):
        say(line)


def _check_fit(model: Bundle, task: Task, split: Path) -> None:
    if model.task != task:
        raise InputError(f"the bundle is a model of {model.task}, expected {task}; check --bundle")
    found = sha256_file(split)
    if model.lineage["split_sha256"] != found:
        raise InputError(
            f"the model was trained on split {model.lineage['split_sha256'][:12]}, but {split} is "
            f"{found[:12]}: its test nodules may have been trained on. Run `dvc repro`, which trains it again"
        )


def _nodules(split: Path, index: Path, target: Target) -> pd.DataFrame:
    """Nodules with a label: nodule_id, patient_id, part, label, diameter_mm."""
    rows = read_table(split, SPLIT)
    diameters = read_table(index / "nodules.parquet", NODULES)[["nodule_id", "diameter_mm"]]
    labelled = rows[rows[target] >= 0].rename(columns={target.value: "label"})
    missing = [part for part in Part if not (labelled["part"] == part).any()]
    if missing:
        raise InputError(
            f"{split}: no nodule with a {target} label is in the part {missing[0]}; "
            "use more patients or a larger split.val_fraction and split.test_fraction"
        )
    columns = ["nodule_id", "patient_id", "part", "label", "diameter_mm"]
    return labelled.merge(diameters, on="nodule_id", validate="1:1")[columns]


def _predict(model: Bundle, store: ViewStore, nodules: pd.DataFrame) -> pd.DataFrame:
    """Table PREDICTIONS of validation and test."""
    rows = nodules[nodules["part"] != Part.TRAIN].sort_values("nodule_id", ignore_index=True)
    images_hu = store.images_hu[store.rows_of(rows["nodule_id"].tolist())]
    return rows.assign(
        probabilities=list(predict(model, images_hu)),
        probabilities_tta=list(predict_tta(model, images_hu)),
    ).drop(columns="diameter_mm")


def _judge(nodules: pd.DataFrame, predicted: pd.DataFrame) -> _Test:
    known = nodules[nodules["part"] != Part.TEST]
    test = nodules[nodules["part"] == Part.TEST].sort_values("nodule_id", ignore_index=True)
    answers = predicted[predicted["part"] == Part.TEST]
    raw = _cases(answers, "probabilities")
    guesses = {name: guess(known, test, raw.classes) for name, guess in BASELINES.items()}
    return _Test(
        test,
        judge(raw, test["patient_id"]),
        judge(_cases(answers, "probabilities_tta"), test["patient_id"]),
        {
            name: judge(check_cases(test["label"], guess), test["patient_id"])
            for name, guess in guesses.items()
        },
    )


def _cases(rows: pd.DataFrame, column: str) -> Cases:
    return check_cases(rows["label"], np.stack(rows[column].to_list()))


def _metrics(params: EvaluateParams, task: Task, model: Bundle, test: _Test) -> dict[str, Any]:
    shares = test.nodules["label"].value_counts(normalize=True)
    names = task.target.class_names
    return {
        "task": task.value,
        "classes": list(names),
        "part": Part.TEST.value,
        "n": len(test.nodules),
        "patients": int(test.nodules["patient_id"].nunique()),
        "class_shares": {name: float(shares.get(number, 0.0)) for number, name in enumerate(names)},
        "with_diameter": int(test.nodules["diameter_mm"].notna().sum()),
        "confidence": params.confidence,
        "weights": model.weights.split()[0],
        "tta_views": len(VIEWS),
        "tta_view_names": list(VIEWS),
        "raw": values_of(test.raw, params.confidence),
        "tta": values_of(test.tta, params.confidence),
        "tta_minus_raw": differences(test.tta, test.raw, params.confidence),
        "baselines": {name: values_of(made, params.confidence) for name, made in test.baselines.items()},
        "model_minus_diameter": differences(test.raw, test.baselines["diameter"], params.confidence),
    }


def _draw(folder: Path, task: Task, test: _Test, calibration: dict[str, Any]) -> None:
    names, raw, diameter = task.target.class_names, test.raw.cases, test.baselines["diameter"].cases
    temperature = calibration["temperature"]
    curves = {"as trained": raw, f"temperature {temperature:.2f}": with_temperature(raw, temperature)}
    figures = {
        "precision_recall": precision_recall_figure(
            raw, diameter, names, f"{task}: precision and recall on test"
        ),
        "roc": roc_figure(raw, diameter, names, f"{task}: ROC on test"),
        "calibration": calibration_figure(curves, calibration["bins"], f"{task}: calibration on test"),
        "confusion": confusion_figure(raw, names, f"{task}: confusion on test"),
    }
    for name, figure in figures.items():
        save(figure, folder / f"{name}.png")
