"""Stage finetune: train the model of a task with the hyper-parameters that tuning chose.

It trains on the train part and keeps the best epoch on the validation part; the test part is never read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from lungml.bundle import Bundle, library_versions, write_bundle
from lungml.figures.search import draw_learning_curve
from lungml.figures.style import save
from lungml.files import atomic_folder, read_json, sha256_file, sha256_json, write_json, write_text
from lungml.imaging.store import read_store
from lungml.models.backbones import describe_weights
from lungml.models.classifier import Classifier
from lungml.params.data import IntensityParams, LabelParams, ViewsParams
from lungml.params.model import FinetuneParams, WeightsParams
from lungml.progress import say
from lungml.tables import SPLIT, read_table
from lungml.terms import Task
from lungml.training.assembly import as_backbone_expects, build_classifier, gather_data
from lungml.training.checkpoint import Checkpoints, stop_requests, work_folder
from lungml.training.data import Examples, TrainingData
from lungml.training.loop import Settings, train
from lungml.training.state import EpochRecord

_OF_THE_MACHINE = ["images_per_s", "seconds"]
"""Columns of a record that are shown and not written: outputs are the same byte for byte."""


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

    A stopped or killed training goes on from its last checkpoint, in a work folder beside `out`, to the
    same bytes as if it had not been stopped.

    Raises:
        InterruptedRunError: SIGTERM, SIGINT or SIGUSR1 came; what was done is kept.
    """
    store, best = read_store(views), read_json(tuned / "best.json")
    gathered = gather_data(store, read_table(split, SPLIT), task, intensity)
    data = as_backbone_expects(gathered, best["backbone"], weights)
    classifier = build_classifier(best["backbone"], best["head"], data, weights, seed=finetune.seed)
    lineage = {"data_sha256": store.info["data_sha256"], "split_sha256": sha256_file(split)}
    sections = [section.model_dump(mode="json") for section in (finetune, weights, intensity)]
    deciding = [task, best, sections, store.info["sha256"], lineage, library_versions()]
    checkpoints = Checkpoints(work_folder(out), sha256_json(deciding))
    records = _train(classifier, data, _settings(finetune, best), checkpoints)
    summary = _summary(records, data)
    bundle = Bundle(
        classifier=classifier,
        task=task,
        backbone=best["backbone"],
        head=best["head"],
        image_channels=store.images_hu.shape[1],
        weights=describe_weights(best["backbone"], weights),
        normalisation=data.normalisation,
        views=ViewsParams.model_validate(store.info["params"]),
        labels=labels,
        lineage=lineage,
        history=summary,
        versions=library_versions(),
    )
    write_bundle(out, bundle)
    _write_log(log, records, best | summary | {"task": task.value, "weights": bundle.weights})
    checkpoints.clear()


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


def _write_log(log: Path, records: Sequence[EpochRecord], summary: dict[str, Any]) -> None:
    history = pd.DataFrame([asdict(record) for record in records]).drop(columns=_OF_THE_MACHINE)
    curve = draw_learning_curve(history, summary["best_epoch"], f"{summary['task']}: {summary['backbone']}")
    with atomic_folder(log) as temporary:
        write_text(temporary / "history.csv", history.to_csv(index=False))
        write_json(temporary / "summary.json", summary)
        save(curve, temporary / "learning_curve.png")
