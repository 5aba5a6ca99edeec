"""What the cards of one task are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lungml.files import read_json
from lungml.params.data import AcquireParams, LabelParams, SplitParams
from lungml.params.task import FinetuneParams
from lungml.report.collect import Cohort, CohortPlaces, Json, read_cohort
from lungml.terms import Task


@dataclass(frozen=True)
class TaskPlaces:
    """Where the stages of one task wrote."""

    bundle: Path
    tuned: Path
    log: Path
    evaluation: Path
    explanation: Path


@dataclass(frozen=True)
class Stated:
    """What a project says of itself: the sections that no file of a run repeats."""

    acquire: AcquireParams
    split: SplitParams
    finetune: FinetuneParams
    preregistration: str | None
    statements: Mapping[str, str]
    """Item -> what a person says of it."""


@dataclass(frozen=True)
class Sources:
    """Everything known of one trained model and its data."""

    task: Task
    places: TaskPlaces
    data: CohortPlaces
    stated: Stated
    bundle: Json
    tuned: Json
    training: Json
    metrics: Json
    trust: Json
    explained: Json
    cohort: Cohort

    @property
    def labels(self) -> LabelParams:
        """The label policy the model was trained under."""
        return LabelParams.model_validate(self.bundle["labels"])

    @property
    def measured(self) -> Path:
        """The file of metrics."""
        return self.places.evaluation / "metrics.json"

    @property
    def judged(self) -> Path:
        """The file of trust."""
        return self.places.evaluation / "trust.json"


def read_sources(task: Task, places: TaskPlaces, data: CohortPlaces, stated: Stated) -> Sources:
    """Read it.

    Raises:
        MissingInputError: a file is not there.
    """
    return Sources(
        task=task,
        places=places,
        data=data,
        stated=stated,
        bundle=read_json(places.bundle / "bundle.json"),
        tuned=read_json(places.tuned / "best.json"),
        training=read_json(places.log / "summary.json"),
        metrics=read_json(places.evaluation / "metrics.json"),
        trust=read_json(places.evaluation / "trust.json"),
        explained=read_json(places.explanation / "cases.json"),
        cohort=read_cohort(data),
    )
