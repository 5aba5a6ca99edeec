"""Which members a model has, and which nodules each is trained and judged on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lungml.bundle import Bundle
from lungml.params.model import WeightsParams
from lungml.params.task import FinetuneParams, MemberParams
from lungml.splits import assign_folds
from lungml.terms import Part, Target


@dataclass(frozen=True)
class MemberPlan:
    """One member. `fold` None leaves out no fold: it is of the train part, or of all of train and validation.

    `repeat` counts from 0, and so does `number`, over all members.
    """

    number: int
    variant: str
    repeat: int
    fold: int | None

    @property
    def name(self) -> str:
        """In words, from 1."""
        left_out = "" if self.fold is None else f", without fold {self.fold + 1}"
        return f"{self.variant}, repeat {self.repeat + 1}{left_out}"


@dataclass(frozen=True)
class Job:
    """All that decides what the members become; a worker process gets it as it is."""

    blank: Bundle
    """The model without its members."""
    variants: Mapping[str, MemberParams]
    finetune: FinetuneParams
    weights: WeightsParams
    folds: int
    """How many table SPLIT has."""
    views: Path
    split: Path
    work: Path
    """Folder in which members are kept until all are there."""
    fingerprint: str

    @property
    def target(self) -> Target:
        """What the model predicts."""
        return self.blank.task.target

    def plans(self) -> list[MemberPlan]:
        """Every member, in order; those of the model come last where others only serve the estimate."""
        return plan_members(self.finetune, list(self.variants), self.folds)


@dataclass(frozen=True)
class Division:
    """Rows of table SPLIT that a member is trained and judged on; both are the same where nothing is left."""

    train: pd.DataFrame
    judged: pd.DataFrame


def plan_members(finetune: FinetuneParams, variants: list[str], folds: int) -> list[MemberPlan]:
    """Every variant and repeat, first without each of the folds (not for `fit: train`), then with all."""
    drawn = [(variant, repeat) for repeat in range(finetune.repeats) for variant in variants]
    left_out = [] if finetune.fit == "train" else list(range(folds))
    places: list[tuple[str, int, int | None]] = [(*each, fold) for each in drawn for fold in left_out]
    if finetune.fit != "folds":
        places += [(*each, None) for each in drawn]
    return [MemberPlan(number, *place) for number, place in enumerate(places)]


def divide(split: pd.DataFrame, plan: MemberPlan, job: Job) -> Division:
    """What a member is trained and judged on, of table SPLIT; never a row of the test part.

    Raises:
        InputError: there are fewer patients than folds.
    """
    known = split[split["part"].isin([Part.TRAIN.value, Part.VAL.value])]
    if plan.fold is not None:
        left_out = _folds(known, plan.repeat, job) == plan.fold
        return Division(known[~left_out], known[left_out])
    if job.finetune.fit == "train":
        return Division(known[known["part"] == Part.TRAIN], known[known["part"] == Part.VAL])
    return Division(known, known)


def _folds(known: pd.DataFrame, repeat: int, job: Job) -> pd.Series[int]:
    """Fold of each row: the table's own in the first repeat, then others."""
    if repeat == 0:
        return known["fold"]
    labels, seed = known[[job.target.value]], job.finetune.seed + repeat
    drawn = assign_folds(known["patient_id"].to_numpy(), labels, folds=job.folds, seed=seed)
    return pd.Series(drawn, index=known.index)
