"""Stage finetune: train the model of a task with the hyper-parameters that tuning chose.

`fit: train` trains on the train part and keeps the best epoch on the validation part; `folds` and `refit`
train the members of a cross-validation over both. The test part is never read.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from lungml import compute
from lungml.bundle import Bundle, bundle_sha256, library_versions, write_bundle
from lungml.evaluation.ood import usual_of
from lungml.figures.search import draw_learning_curve
from lungml.figures.style import save
from lungml.files import atomic_folder, read_json, sha256_file, sha256_json, write_json, write_text
from lungml.imaging.ledger import watch
from lungml.imaging.store import read_store
from lungml.members.ablation import ablate, ablation_lines
from lungml.members.choice import checked_choice
from lungml.members.making import make_variants
from lungml.members.outcome import (
    Histories,
    answering,
    estimate,
    histories,
    out_of_fold,
    repeats_apart,
    speeds,
)
from lungml.members.plan import Job
from lungml.members.training import train_members
from lungml.models.backbones import weights_sha256
from lungml.params.data import IntensityParams, LabelParams, ViewsParams
from lungml.params.model import WeightsParams
from lungml.params.task import FinetuneParams
from lungml.progress import say
from lungml.system_metrics import keep, read_samples, sampled
from lungml.tables import PREDICTIONS, SPLIT, read_table, write_table
from lungml.terms import Part, Task
from lungml.training.checkpoint import work_folder
from lungml.training.determinism import reproducible
from lungml.training.processes import joined
from lungml.usual import Usual


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
    """Write the bundle `out`, and `log/{history.csv, members.csv, learning_curve.png, summary.json}`.

    With `fit: folds` or `refit` also `log/out_of_fold.parquet`: what each member says of the fold it did not
    see. Members are trained side by side (`LUNGML_WORKERS`); how many at once changes nothing. Processes
    that torchrun started share every step instead; the first of them writes.

    A stopped or killed training goes on from its last checkpoint, in a work folder beside `out`, to the
    same bytes as if it had not been stopped.

    Raises:
        InputError: what tuning chose is not what its search writes.
        InterruptedRunError: SIGTERM, SIGINT or SIGUSR1 came; what was done is kept.
        ModelError: a variant's pretrained weights cannot be had.
    """
    store, file = read_store(views), tuned / "best.json"
    best = checked_choice(read_json(file), task, file)
    lineage = {"data_sha256": store.info["data_sha256"], "split_sha256": sha256_file(split)}
    sections = [section.model_dump(mode="json") for section in (finetune, weights, intensity)]
    fingerprint = sha256_json([task, best, sections, store.info["sha256"], lineage, library_versions()])
    blank = Bundle(
        members=(),
        task=task,
        image_channels=store.images_hu.shape[1],
        views=ViewsParams.model_validate(store.info["params"]),
        labels=labels,
        lineage=lineage,
        history={},
        versions=library_versions(),
    )
    variants = make_variants(finetune, best, intensity)
    for backbone in dict.fromkeys(variant.backbone for variant in variants.values()):
        weights_sha256(backbone, weights)  # what is missing is said before the first member is trained
    folds = int(read_table(split, SPLIT)["fold"].max()) + 1
    job = Job(blank, variants, finetune, weights, folds, views, split, work_folder(out), fingerprint)
    with joined() as processes:
        with sampled(_samples(job)) if processes.first else nullcontext():
            train_members(job, processes)
        if not processes.first:
            return
    _put_together(job, best, out, log)
    shutil.rmtree(job.work, ignore_errors=True)


def _put_together(job: Job, best: Mapping[str, Any], out: Path, log: Path) -> None:
    model = replace(job.blank, members=answering(job))
    trained, predicted = histories(job), out_of_fold(job)
    summary = _summary(job, trained, predicted) | {"members": len(model.members)}
    for line in ablation_lines(summary):
        say(f"  {line}")
    model = replace(model, history=summary)
    write_bundle(out, replace(model, usual=_usual(job, model)))
    keep(out, bundle_sha256(out), read_samples(_samples(job)) + speeds(job))
    facts = {**best, "task": model.task.value, "weights": model.weights, **summary}
    title = f"{model.task}: {', '.join(dict.fromkeys(member.backbone for member in model.members))}"
    curve = draw_learning_curve(trained.curves, trained.kept_epochs, title)
    with atomic_folder(log) as temporary:
        write_text(temporary / "history.csv", trained.table().to_csv(index=False))
        write_text(temporary / "members.csv", trained.members.to_csv(index=False))
        if predicted is not None:
            write_table(temporary / "out_of_fold.parquet", predicted, PREDICTIONS)
        write_json(temporary / "summary.json", facts)
        save(curve, temporary / "learning_curve.png")


def _samples(job: Job) -> Path:
    """In the work folder, so that a run that goes on adds to them."""
    return job.work / f"system-{job.fingerprint[:12]}.jsonl"


def _usual(job: Job, model: Bundle) -> Usual:
    """What the model may answer for; none of test is looked at."""
    store, ledger = watch(read_store(job.views))
    split = read_table(job.split, SPLIT)
    with reproducible(next(iter(job.variants.values())).recipe.threads, compute.device()):
        usual = usual_of(model, store, split[split[job.target.value] >= 0])
    ledger.account(split)
    return usual


def _summary(job: Job, trained: Histories, predicted: pd.DataFrame | None) -> dict[str, Any]:
    """Figures are means over the members that were judged on nodules they did not see."""
    rows = trained.members
    judged = rows if predicted is None else rows[rows["fold"] >= 0]
    summary: dict[str, Any] = {
        "fit": job.finetune.fit,
        "repeats": job.finetune.repeats,
        "variants": list(job.variants),
        "epochs": int(judged["epochs"].max()),
        "best_epoch": round(judged["kept_epoch"].mean()),
        **{name: float(judged[name].mean()) for name in ("weighted_auprc", "balanced_accuracy", "val_loss")},
        **_class_counts(job),
    }
    if predicted is None:
        return summary
    cross_validated = {"folds": job.folds, "cross_validated": estimate(predicted)}
    return summary | cross_validated | {"repeats_apart": repeats_apart(job)} | ablate(job)


def _class_counts(job: Job) -> dict[str, list[int]]:
    """How many nodules of each class the train and the validation part hold."""
    split, classes = read_table(job.split, SPLIT), range(len(job.target.class_names))
    labels = {part: split.loc[split["part"] == part, job.target.value] for part in (Part.TRAIN, Part.VAL)}
    return {part.value: [int((found == k).sum()) for k in classes] for part, found in labels.items()}
