"""Measure a task's model on the test part, raw and with test-time views, beside its baselines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lungml.bundle import Bundle, bundle_sha256, read_bundle
from lungml.errors import InputError
from lungml.evaluation.answers import answer
from lungml.evaluation.calibration import with_temperature
from lungml.evaluation.cross_validation import FILE as LEFT_OUT
from lungml.evaluation.cross_validation import beside_diameter
from lungml.evaluation.evidence import gather_evidence
from lungml.evaluation.keyed import FILE, keyed, write_answers
from lungml.evaluation.ood import judge_distances
from lungml.evaluation.results import Judged, calibration_of, compared, judge, values_of
from lungml.evaluation.summary import summary_lines
from lungml.evaluation.tally import Cases, check_cases
from lungml.evaluation.trust import suspicious, trust
from lungml.evaluation.tta import VIEWS
from lungml.figures.curves import calibration_figure, confusion_figure, precision_recall_figure, roc_figure
from lungml.figures.style import save
from lungml.figures.trust import draw_trust
from lungml.files import atomic_folder, read_json, sha256_file, write_json
from lungml.imaging.store import ViewStore, read_store
from lungml.params.evaluation import EvaluateParams
from lungml.progress import say
from lungml.sealing.account import reopened_warning, without_reason
from lungml.sealing.ledger import Sealed, read_openings
from lungml.sealing.seal import ask
from lungml.tables import BASELINES, NODULES, PREDICTIONS, SPLIT, SUSPICIOUS, read_table, write_table
from lungml.terms import Part, Target, Task


@dataclass(frozen=True)
class _Test:
    """Everything judged on the test part."""

    nodules: pd.DataFrame
    raw: Judged
    tta: Judged
    baselines: dict[str, Judged]


def run(  # noqa: PLR0913 - a model, all that it is judged on, and where it is written
    params: EvaluateParams,
    *,
    task: Task,
    bundle: Path,
    log: Path,
    views: Path,
    split: Path,
    index: Path,
    diagnoses: Path,
    baselines: Path,
    ledger: Path,
    out: Path,
) -> None:
    """Write `out/{metrics.json, trust.json, predictions.parquet, suspicious_labels.parquet}` and the curves.

    `out/test_answers.csv` holds the predictions of test without ids, for comparing runs.

    Opening the test part is entered in `ledger`, which is no output: it grows from model to model.

    Every prediction is of a nodule whose patient the model, or the member that answers, was not trained on:
    of test, and of what calibration is fitted on. That is validation, or where the model was trained on it
    too, the answers of members that left it out (`out_of_fold.parquet` in folder `log`).

    Raises:
        InputError: the bundle is of another task or was trained on another split, a part has no nodules, or
            the baselines answered other nodules, or the test part may not be opened.
    """
    model = read_bundle(bundle)
    _check_fit(model, task, split)
    sealed = Sealed(task.value, model.lineage["split_sha256"], bundle_sha256(bundle))
    permit = ask(sealed, ledger, params)
    store = read_store(views)
    nodules = _nodules(split, index, task.target)
    predicted = _predict(model, store, nodules, log)
    test, held_out = _judge(nodules, predicted, baselines), predicted[predicted["part"] != Part.TEST]
    calibration = calibration_of(_cases(held_out, "probabilities"), test.raw.cases, params)
    metrics = _metrics(params, task, model, test) | {
        "baselines_seen": read_json(baselines / "baselines.json"),
        "calibration": calibration | {"fitted_on": len(held_out)},
        "lineage": dict(model.lineage) | {"bundle_sha256": sealed.bundle_sha256},
    }
    if (answered := _left_out(model, log)) is not None:
        by_size = read_table(baselines / LEFT_OUT, BASELINES)
        asked = nodules[nodules["nodule_id"].isin(answered["nodule_id"])]
        found_there = beside_diameter(answered, by_size, params)
        metrics |= {"cross_validated": found_there | {"with_diameter": _with_diameter(asked)}}
    evidence = gather_evidence(predicted, index, diagnoses, task=task, labels=model.labels)
    found = trust(evidence, params) | {"out_of_distribution": judge_distances(model, store, nodules, params)}
    permit.enter(metrics, model.labels)
    with atomic_folder(out) as temporary:
        write_table(temporary / "predictions.parquet", predicted, PREDICTIONS)
        write_answers(temporary / FILE, keyed(predicted))
        write_json(temporary / "metrics.json", metrics)
        write_json(temporary / "trust.json", found)
        write_table(temporary / "suspicious_labels.parquet", suspicious(evidence), SUSPICIOUS)
        _draw(temporary, task, test, metrics["calibration"])
        draw_trust(temporary, task, test.raw.cases, found)
    for line in summary_lines(metrics):
        say(line)
    openings = [opening for opening in read_openings(ledger) if opening.task == task]
    if without_reason(openings) and not permit.reason:
        say(f"warning: {reopened_warning(openings)}")


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
    """Nodules with a label: nodule_id, patient_id, part, fold, label, diameter_mm."""
    rows = read_table(split, SPLIT)
    diameters = read_table(index / "nodules.parquet", NODULES)[["nodule_id", "diameter_mm"]]
    labelled = rows[rows[target] >= 0].rename(columns={target.value: "label"})
    missing = [part for part in Part if not (labelled["part"] == part).any()]
    if missing:
        raise InputError(
            f"{split}: no nodule with a {target} label is in the part {missing[0]}; "
            "use more patients or a larger split.val_fraction and split.test_fraction"
        )
    columns = ["nodule_id", "patient_id", "part", "fold", "label", "diameter_mm"]
    return labelled.merge(diameters, on="nodule_id", validate="1:1")[columns]


def _predict(model: Bundle, store: ViewStore, nodules: pd.DataFrame, log: Path) -> pd.DataFrame:
    """Table PREDICTIONS of test, and of what the model (or the member that answers) was not trained on."""
    left_out = _left_out(model, log)
    if left_out is None:
        rows = nodules[nodules["part"] != Part.TRAIN].sort_values("nodule_id", ignore_index=True)
        return answer(model, store, rows)
    rows = nodules[nodules["part"] == Part.TEST].sort_values("nodule_id", ignore_index=True)
    return pd.concat([left_out, answer(model, store, rows)], ignore_index=True).sort_values(
        "nodule_id", ignore_index=True
    )


def _left_out(model: Bundle, log: Path) -> pd.DataFrame | None:
    """Table PREDICTIONS of train and validation by members that left each nodule out, if there are such."""
    if model.history.get("fit", "train") == "train":
        return None
    return read_table(log / "out_of_fold.parquet", PREDICTIONS)


def _judge(nodules: pd.DataFrame, predicted: pd.DataFrame, baselines: Path) -> _Test:
    test = nodules[nodules["part"] == Part.TEST].sort_values("nodule_id", ignore_index=True)
    answers = predicted[predicted["part"] == Part.TEST]
    guesses = read_table(baselines / "predictions.parquet", BASELINES)
    return _Test(
        test,
        judge(_cases(answers, "probabilities"), test["patient_id"]),
        judge(_cases(answers, "probabilities_tta"), test["patient_id"]),
        {
            str(name): judge(_baseline_cases(test, rows, baselines), test["patient_id"])
            for name, rows in guesses.groupby("baseline", sort=False)
        },
    )


def _baseline_cases(test: pd.DataFrame, rows: pd.DataFrame, baselines: Path) -> Cases:
    if rows["nodule_id"].tolist() != test["nodule_id"].tolist():
        raise InputError(f"{baselines} answers other nodules than those of test; run `dvc repro baselines`")
    return check_cases(test["label"], np.stack(rows["probabilities"].to_list()))


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
        "with_diameter": _with_diameter(test.nodules),
        "confidence": params.confidence,
        "weights": model.weights.split()[0],
        "tta_views": len(VIEWS),
        "tta_view_names": list(VIEWS),
        "raw": values_of(test.raw, params.confidence),
        "tta": values_of(test.tta, params.confidence),
        "baselines": {name: values_of(made, params.confidence) for name, made in test.baselines.items()},
    } | compared(test.raw, test.tta, test.baselines, test.nodules["patient_id"], params)


def _with_diameter(nodules: pd.DataFrame) -> int:
    return int(nodules["diameter_mm"].notna().sum())


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
