"""Stage finetune: train the model of a task with the hyper-parameters that tuning chose.

`fit: train` trains on the train part and keeps the best epoch on the validation part; `folds` and `refit`
train the members of a cross-validation over both. The test part is never read.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from lungml.bundle import Bundle, library_versions, write_bundle
from lungml.figures.search import draw_learning_curve
from lungml.figures.style import save
from lungml.files import atomic_folder, read_json, sha256_file, sha256_json, write_json, write_text
from lungml.imaging.store import read_store
from lungml.members import Plan, count_folds, draw_members, estimate, gather, out_of_fold, train_member
from lungml.models.backbones import describe_weights
from lungml.models.classifier import Classifier
from lungml.parallel import worker_pool
from lungml.params.data import IntensityParams, LabelParams, ViewsParams
from lungml.params.model import FinetuneParams, WeightsParams
from lungml.progress import say
from lungml.tables import PREDICTIONS, SPLIT, read_table, write_table
from lungml.terms import Task
from lungml.training.assembly import as_backbone_expects, build_classifier, gather_data
from lungml.training.checkpoint import Checkpoints, stop_requests, work_folder
from lungml.training.data import Examples, TrainingData
from lungml.training.loop import Settings, train
from lungml.training.state import EpochRecord


def run(  # noqa: PLR0913 - what a model is made of, and its paths
    finetune: FinetuneParams,
    weights: WeightsParams,
    intensity: IntensityParams,
    labels: LabelParams,
    *,
    task: Task,
    tuned: Path,
    views: Path,
    split: Path,
    out: Path,
    log: Path,
) -> None:
    """Write the bundle `out`, and `log/history.csv`, `learning_curve.png` and `summary.json`.

    With `fit: folds` or `refit` also `log/out_of_fold.parquet`: what each member says of the fold it did not
    see. Members are trained side by side (`LUNGML_WORKERS`); how many at once changes nothing.

    A stopped or killed training goes on from its last checkpoint, in a work folder beside `out`, to the
    same bytes as if it had not been stopped.

    Raises:
        InterruptedRunError: SIGTERM, SIGINT or SIGUSR1 came; what was done is kept.
    """
    store, best = read_store(views), read_json(tuned / "best.json")
    gathered = gather_data(store, read_table(split, SPLIT), task, intensity)
    data = as_backbone_expects(gathered, best["backbone"], weights)
    lineage = {"data_sha256": store.info["data_sha256"], "split_sha256": sha256_file(split)}
    sections = [section.model_dump(mode="json") for section in (finetune, weights, intensity)]
    fingerprint = sha256_json([task, best, sections, store.info["sha256"], lineage, library_versions()])
    blank = Bundle(
        members=(),
        task=task,
        backbone=best["backbone"],
        head=best["head"],
        image_channels=store.images_hu.shape[1],
        weights=describe_weights(best["backbone"], weights),
        normalisation=data.normalisation,
        views=ViewsParams.model_validate(store.info["params"]),
        labels=labels,
        lineage=lineage,
        history={},
        versions=library_versions(),
    )
    job = _Job(finetune, weights, best, blank, fingerprint, work_folder(out))
    trained = _fit_one(job, data) if finetune.fit == "train" else _fit_members(job, views, split)
    write_bundle(out, replace(blank, members=trained.members, history=trained.summary))
    _write_log(log, trained, best | trained.summary | {"task": task.value, "weights": blank.weights})
    shutil.rmtree(job.work, ignore_errors=True)


@dataclass(frozen=True)
class _Job:
    """One model to be made: how, of what, and where unfinished work is kept."""

    finetune: FinetuneParams
    weights: WeightsParams
    best: dict[str, Any]
    blank: Bundle
    fingerprint: str
    work: Path


@dataclass(frozen=True)
class _Trained:
    """What a training leaves: the classifiers that answer, one row an epoch, and its sum."""

    members: tuple[Classifier, ...]
    history: pd.DataFrame
    summary: dict[str, Any]
    out_of_fold: pd.DataFrame | None = None


def _fit_one(job: _Job, data: TrainingData) -> _Trained:
    best = job.best
    classifier = build_classifier(best["backbone"], best["head"], data, job.weights, seed=job.finetune.seed)
    checkpoints = Checkpoints(job.work, job.fingerprint)
    records = _train(classifier, data, _settings(job.finetune, best), checkpoints)
    history = pd.DataFrame([record.lasting() for record in records])
    return _Trained((classifier,), history, _summary(records, data))


def _fit_members(job: _Job, views: Path, split: Path) -> _Trained:
    finetune = job.finetune
    folds = count_folds(split)
    members = draw_members(folds, finetune.repeats, refit=finetune.fit == "refit")
    settings = replace(_settings(finetune, job.best), keep="last")
    plan = Plan(job.blank, settings, job.weights, folds, views, split, job.work, job.fingerprint)
    with worker_pool() as pool:
        folders = list(pool.map(partial(train_member, plan), members, "members"))
    classifiers, history = gather(folders, members)
    predicted = out_of_fold(folders, members)
    summary: dict[str, Any] = {
        "fit": finetune.fit,
        "folds": folds,
        "repeats": finetune.repeats,
        "members": len(classifiers),
        "epochs": settings.head_epochs + settings.epochs,
        "best_epoch": settings.head_epochs + settings.epochs,
        "cross_validated": estimate(predicted),
    }
    mean = history.drop(columns="member").groupby("epoch", as_index=False).mean(numeric_only=True)
    phases = history.drop_duplicates("epoch").set_index("epoch")["phase"]
    curve = mean.assign(phase=mean["epoch"].map(phases))[list(history.columns.drop("member"))]
    last = curve.iloc[-1]
    summary |= {
        "weighted_auprc": float(last["val_weighted_auprc"]),
        "balanced_accuracy": float(last["val_balanced_accuracy"]),
        "val_loss": float(last["val_loss"]),
    }
    return _Trained(classifiers, curve, summary, predicted)


def _settings(finetune: FinetuneParams, best: dict[str, Any]) -> Settings:
    return Settings(
        batch_size=best["batch_size"],
        optimizer=best["optimizer"],
        learning_rate=best["learning_rate"],
        head_epochs=finetune.head_epochs,
        epochs=finetune.epochs,
        patience=finetune.patience,
        recipe=finetune.recipe,
        seed=finetune.seed,
    )


def _train(
    classifier: Classifier, data: TrainingData, settings: Settings, checkpoints: Checkpoints
) -> list[EpochRecord]:
    records: list[EpochRecord] = []
    with stop_requests() as stop_asked:
        for record in train(classifier, data, settings, checkpoints=checkpoints, stop_asked=stop_asked):
            records.append(record)
            say(f"  {_in_words(records, settings.head_epochs + settings.epochs)}")
    return records


def _in_words(records: Sequence[EpochRecord], epochs: int) -> str:
    """One line on the last epoch; the time left is by the mean of its phase, early stopping aside."""
    last = records[-1]
    alike = [record.seconds for record in records if record.phase == last.phase]
    left_s = (epochs - last.epoch) * sum(alike) / len(alike)
    return (
        f"epoch {last.epoch} of {epochs} ({last.phase}): loss {last.train_loss:.3f}, validation "
        f"{last.val_loss:.3f}; weighted AUPRC {last.val_weighted_auprc:.3f}, balanced accuracy "
        f"{last.val_balanced_accuracy:.3f}; LR {last.learning_rate:.1e}, {last.trainable_share:.0%} trained, "
        f"{last.images_per_s:.0f} images/s, {left_s // 60:.0f} min {left_s % 60:02.0f} s left"
    )


def _summary(records: Sequence[EpochRecord], data: TrainingData) -> dict[str, Any]:
    best = min(records, key=lambda record: (-record.val_weighted_auprc, record.val_loss))
    return {
        "epochs": len(records),
        "best_epoch": best.epoch,
        "weighted_auprc": best.val_weighted_auprc,
        "balanced_accuracy": best.val_balanced_accuracy,
        "val_loss": best.val_loss,
        "train": _class_counts(data.train),
        "val": _class_counts(data.val),
    }


def _class_counts(examples: Examples) -> list[int]:
    return [int((examples.labels == label).sum()) for label in range(examples.classes)]


def _write_log(log: Path, trained: _Trained, summary: dict[str, Any]) -> None:
    history = trained.history
    curve = draw_learning_curve(history, summary["best_epoch"], f"{summary['task']}: {summary['backbone']}")
    with atomic_folder(log) as temporary:
        write_text(temporary / "history.csv", history.to_csv(index=False))
        if trained.out_of_fold is not None:
            write_table(temporary / "out_of_fold.parquet", trained.out_of_fold, PREDICTIONS)
        write_json(temporary / "summary.json", summary)
        save(curve, temporary / "learning_curve.png")
