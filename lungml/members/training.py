"""The training of one member, kept as a bundle of its own.

A stopped run goes on with the members that are not done, and with the epoch a member was in; how many are
trained at once changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from lungml import compute
from lungml.bundle import Member, read_info, write_bundle
from lungml.errors import ModelError
from lungml.evaluation.answers import answer, labelled
from lungml.files import write_json
from lungml.imaging.intensity import fit_normalisation
from lungml.imaging.ledger import watch
from lungml.imaging.store import ViewStore, read_store
from lungml.members.plan import Division, Job, MemberPlan, divide
from lungml.models.backbones import describe_weights
from lungml.models.classifier import Classifier
from lungml.panel import panel_sizes
from lungml.parallel import worker_pool
from lungml.params.task import MemberParams
from lungml.progress import duration, say
from lungml.tables import PREDICTIONS, SPLIT, read_table, write_table
from lungml.training.assembly import as_backbone_expects, build_classifier
from lungml.training.checkpoint import Checkpoints, stop_requests
from lungml.training.data import TrainingData, examples_of
from lungml.training.determinism import reproducible
from lungml.training.loop import Settings, train
from lungml.training.processes import ALONE, Processes
from lungml.training.state import EpochRecord


def bundle_folder(job: Job, plan: MemberPlan) -> Path:
    """Where a member is kept until all are there."""
    return _folder(job, plan) / "bundle"


def left_out_table(job: Job, plan: MemberPlan) -> Path:
    """Where the answers to the nodules of the fold that it left out are; only for such members."""
    return _folder(job, plan) / "left_out.parquet"


def train_members(job: Job, processes: Processes = ALONE) -> None:
    """Train all members, side by side (`compute.trainings`); by several processes one after another.

    Raises:
        InterruptedRunError: as of `train_member`.
    """
    plans = job.plans()
    if len(plans) == 1 or processes.count > 1:
        for plan in plans:
            train_member(job, plan, processes)
        return
    with worker_pool(compute.trainings(), stoppable=True) as pool:
        for _ in pool.map(partial(train_member, job), plans, "members"):
            pass


def train_member(job: Job, plan: MemberPlan, processes: Processes = ALONE) -> None:
    """Train one member, or find it trained; of several processes the first writes it.

    Raises:
        InterruptedRunError: SIGTERM, SIGINT or SIGUSR1 came; what was done is kept.
        ModelError: a nodule of the test part was read.
    """
    if processes.from_first(lambda: _is_done(job, plan)):
        return
    store, ledger = watch(read_store(job.views))
    split, made = read_table(job.split, SPLIT), job.variants[plan.variant]
    division = divide(split, plan, job)
    data = _data(store, division, job, plan)
    settings = _settings(job, plan, made)
    classifier = build_classifier(made.backbone, made.head, data, job.weights, seed=settings.seed)
    records = _train(classifier, data, settings, job, plan, processes=processes)
    if not processes.first:
        return
    weights = describe_weights(made.backbone, job.weights)
    panel = panel_sizes(division.train["scores"].tolist()) if made.recipe.answers == "label" else None
    member = Member(classifier, made.backbone, made.head, weights, data.normalisation, panel)
    history = {
        "fingerprint": job.fingerprint,
        **asdict(plan),
        "kept_epoch": kept_epoch(records, settings),
        "records": [record.lasting() for record in records],
    }
    bundle = replace(job.blank, members=(member,), history=history)
    if plan.fold is not None:
        with reproducible(made.recipe.threads, settings.device):
            answers = answer(bundle, store, labelled(division.judged, job.target))
        write_table(left_out_table(job, plan), answers, PREDICTIONS)
    ledger.account(split)
    speeds = [{"epoch": r.epoch, "images_per_s": r.images_per_s, "seconds": r.seconds} for r in records]
    write_json(speed_file(job, plan), speeds)
    write_bundle(bundle_folder(job, plan), bundle)


def speed_file(job: Job, plan: MemberPlan) -> Path:
    """Where it is kept how fast a member's epochs were, a row each; of no member made by an older version."""
    return _folder(job, plan) / "speed.json"


def kept_epoch(records: Sequence[EpochRecord], settings: Settings) -> int:
    """The epoch whose weights a training carries when it is over."""
    if settings.keep == "last":
        return records[-1].epoch
    return min(records, key=lambda record: (-record.val_weighted_auprc, record.val_loss)).epoch


def _folder(job: Job, plan: MemberPlan) -> Path:
    return job.work / f"member-{plan.number:03}"


def _is_done(job: Job, plan: MemberPlan) -> bool:
    try:
        info: dict[str, Any] = read_info(bundle_folder(job, plan))
    except ModelError:
        return False
    return bool(info["history"].get("fingerprint") == job.fingerprint)


def _data(store: ViewStore, division: Division, job: Job, plan: MemberPlan) -> TrainingData:
    """Everything is fitted on what the member is trained on."""
    made, what = job.variants[plan.variant], f"(member {plan.name})"
    train_on = examples_of(store, division.train, job.target, f"the part to train on {what}")
    judged = train_on
    if division.judged is not division.train:
        judged = examples_of(store, division.judged, job.target, f"the part to judge on {what}")
    normalisation = fit_normalisation(train_on.images_hu, made.intensity)
    return as_backbone_expects(TrainingData(train_on, judged, normalisation), made.backbone, job.weights)


def _settings(job: Job, plan: MemberPlan, made: MemberParams) -> Settings:
    """A member that leaves out a fold, or nothing, must not choose its epoch by what it is judged on."""
    return Settings(
        batch_size=made.batch_size,
        optimizer=made.optimizer,
        learning_rate=made.learning_rate,
        head_epochs=made.head_epochs,
        epochs=made.epochs,
        patience=job.finetune.patience,
        recipe=made.recipe,
        seed=job.finetune.seed + plan.number,
        keep="best" if job.finetune.fit == "train" else "last",
        device=compute.device(),
    )


def _train(
    classifier: Classifier,
    data: TrainingData,
    settings: Settings,
    job: Job,
    plan: MemberPlan,
    *,
    processes: Processes,
) -> list[EpochRecord]:
    count = len(job.plans())
    whose = "" if count == 1 else f"member {plan.number + 1} of {count} ({plan.name}), "
    checkpoints = Checkpoints(_folder(job, plan), f"{job.fingerprint} {plan.number}")
    records: list[EpochRecord] = []
    with stop_requests() as stop_asked:
        epochs = train(
            classifier,
            data,
            settings,
            checkpoints=checkpoints,
            stop_asked=stop_asked,
            processes=processes,
        )
        for record in epochs:
            records.append(record)
            say(f"  {whose}{_in_words(records, settings.head_epochs + settings.epochs)}")
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
        f"{last.images_per_s:.0f} images/s, {duration(left_s)} left"
    )
