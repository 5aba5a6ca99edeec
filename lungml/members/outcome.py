"""What trained members leave: classifiers, a learning curve, and answers to nodules they never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lungml.bundle import Member, read_bundle, read_info
from lungml.evaluation.results import Judged, Values, judge, values_of
from lungml.evaluation.tally import check_cases
from lungml.files import read_json
from lungml.members.plan import Job, MemberPlan
from lungml.members.training import bundle_folder, left_out_table, speed_file
from lungml.system_metrics import Measurement
from lungml.tables import PREDICTIONS, read_table

CONFIDENCE = 0.95
_ANSWERS = ("probabilities", "probabilities_tta")


@dataclass(frozen=True)
class Histories:
    """How the trainings went.

    `members` has a row each: number, variant, repeat, fold (-1: none), epochs, kept_epoch, and what was
    measured in that epoch. `curves` has a table for each variant, a row an epoch, the mean over its members
    that were judged on nodules they did not see.
    """

    members: pd.DataFrame
    curves: dict[str, pd.DataFrame]

    @property
    def kept_epochs(self) -> dict[str, int]:
        """Variant -> the epoch whose weights its members carry, the mean where they differ."""
        kept = self.members.groupby("variant")["kept_epoch"].mean()
        return {variant: round(float(kept[variant])) for variant in self.curves}

    def table(self) -> pd.DataFrame:
        """The curves as one table; a column says which variant a row is of, if there are several."""
        if len(self.curves) == 1:
            return next(iter(self.curves.values()))
        return pd.concat(
            [curve.assign(variant=variant) for variant, curve in self.curves.items()], ignore_index=True
        )


def answering(job: Job) -> tuple[Member, ...]:
    """The members that are the model: those that left out no fold, unless all did."""
    plans = job.plans()
    chosen = [plan for plan in plans if plan.fold is None] or plans
    return tuple(member for plan in chosen for member in read_bundle(bundle_folder(job, plan)).members)


def histories(job: Job) -> Histories:
    """Read how the training of each member went."""
    plans = job.plans()
    read = [read_info(bundle_folder(job, plan))["history"] for plan in plans]
    rows = [_row(plan, history) for plan, history in zip(plans, read, strict=True)]
    seen: dict[str, list[pd.DataFrame]] = {}
    for plan, history in zip(plans, read, strict=True):
        if plan.fold is not None or job.finetune.fit == "train":
            seen.setdefault(plan.variant, []).append(pd.DataFrame(history["records"]))
    return Histories(pd.DataFrame(rows), {variant: _mean_curve(curves) for variant, curves in seen.items()})


def out_of_fold(job: Job, variant: str | None = None, repeat: int | None = None) -> pd.DataFrame | None:
    """Table PREDICTIONS of train and validation: each nodule by members that saw no nodule of its patient.

    The mean over repeats and variants, or of one variant or repeat alone. None if no fold was left out.
    """
    tables = [
        read_table(left_out_table(job, plan), PREDICTIONS)
        for plan in job.plans()
        if plan.fold is not None and variant in {None, plan.variant} and repeat in {None, plan.repeat}
    ]
    if not tables:
        return None
    groups = pd.concat(tables).groupby("nodule_id", sort=True)
    means = {column: groups[column].apply(_mean_answer) for column in _ANSWERS}
    return groups.first().assign(**means).reset_index()


def judged(predicted: pd.DataFrame) -> dict[str, Judged]:
    """Measure the answers of table PREDICTIONS, `raw` and `tta` (the mean over test-time views)."""
    patients = predicted["patient_id"]
    return {
        name: judge(check_cases(predicted["label"], np.stack(predicted[column].to_list())), patients)
        for name, column in zip(("raw", "tta"), _ANSWERS, strict=True)
    }


def estimate(predicted: pd.DataFrame) -> dict[str, Values]:
    """Metrics {raw, tta: {name: {value, low, high, chance, skill}}} of table PREDICTIONS, by patient."""
    return {name: values_of(found, CONFIDENCE) for name, found in judged(predicted).items()}


def repeats_apart(job: Job) -> dict[str, Any] | None:
    """Weighted AUPRC of each repeat alone (`values`) and their standard deviation (`sd`).

    Each repeat has other seeds and other folds, so this is how much training and division add to chance. None
    if there is one repeat, or no fold was left out.
    """
    tables = [out_of_fold(job, repeat=repeat) for repeat in range(job.finetune.repeats)]
    alone = [estimate(table)["raw"]["weighted_auprc"]["value"] for table in tables if table is not None]
    known = [value for value in alone if value is not None]
    return {"values": known, "sd": float(np.std(known, ddof=1))} if len(known) > 1 else None


def speeds(job: Job) -> list[Measurement]:
    """How fast each epoch was: means over the members, each in its own process."""
    files = [file for plan in job.plans() if (file := speed_file(job, plan)).is_file()]
    if not files:
        return []
    rows = pd.concat([pd.DataFrame(read_json(file)) for file in files])
    ended_ms = max(file.stat().st_mtime_ns for file in files) // 1_000_000
    means = rows.groupby("epoch", as_index=False)[["images_per_s", "seconds"]].mean()
    names = {"images_per_s": "speed/images_per_second", "seconds": "speed/epoch_seconds"}
    return [
        Measurement(name, float(value), ended_ms, int(epoch))
        for column, name in names.items()
        for epoch, value in zip(means["epoch"], means[column], strict=True)
    ]


def _row(plan: MemberPlan, history: dict[str, Any]) -> dict[str, Any]:
    kept = history["records"][history["kept_epoch"] - 1]
    return {
        "number": plan.number,
        "variant": plan.variant,
        "repeat": plan.repeat,
        "fold": -1 if plan.fold is None else plan.fold,
        "epochs": len(history["records"]),
        "kept_epoch": history["kept_epoch"],
        "weighted_auprc": kept["val_weighted_auprc"],
        "balanced_accuracy": kept["val_balanced_accuracy"],
        "val_loss": kept["val_loss"],
    }


def _mean_curve(curves: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Epoch by epoch over the members that trained so long; the phase is that of the first of them."""
    rows = pd.concat(curves, ignore_index=True)
    means = rows.groupby("epoch", as_index=False).mean(numeric_only=True)
    phases = rows.drop_duplicates("epoch").set_index("epoch")["phase"]
    return means.assign(phase=means["epoch"].map(phases))[list(rows.columns)]


def _mean_answer(answers: pd.Series) -> Any:
    return np.mean(np.stack(answers.to_list()), axis=0)
