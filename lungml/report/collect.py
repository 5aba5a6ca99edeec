"""What the stages left behind, read once, for the report and the table `lungml demo` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lungml.errors import InputError, MissingInputError
from lungml.files import read_json
from lungml.sealing.ledger import Comparison, Opening, read_comparisons, read_openings
from lungml.tables import NODULES, OUTLIERS, SERIES, SPLIT, SUSPICIOUS, read_table
from lungml.terms import Task, View

Json = Mapping[str, Any]

CARDS = ("model card", "data card")
"""What the stage card writes for each task."""

_NEEDED = frozenset(
    {
        "n",
        "patients",
        "class_shares",
        "weights",
        "raw",
        "model_minus_diameter",
        "baselines",
        "baselines_seen",
        "comparisons",
        "metadata_tell_the_label",
        "lineage",
    }
)


@dataclass(frozen=True)
class CohortPlaces:
    """Where the stages of the data wrote."""

    index: Path
    split: Path
    excluded: Path
    checked: Path
    audited: Path


@dataclass(frozen=True)
class Places:
    """Where each stage wrote; the folders of tasks hold one folder (registration: one file) per task."""

    cohort: CohortPlaces
    outliers: Path
    screen: Path
    tune: Path
    log: Path
    evaluation: Path
    explanation: Path
    registration: Path
    cards: Path
    ledger: Path


@dataclass(frozen=True)
class TaskFiles:
    """What is known of one task; what is optional and not there is None, or an empty list."""

    task: Task
    metrics: Json
    ranking: Json | None
    tuned: Json | None
    training: Json | None
    explained: Json | None
    registration: Json | None
    cards: list[Path]
    """HTML pages of the model and its data, if they are there."""
    trust: Json | None
    suspicious: pd.DataFrame | None
    openings: list[Opening]
    comparisons: list[Comparison]
    figures: Mapping[str, list[Path]]
    """Stage -> its PNG files, in order of their names."""


@dataclass(frozen=True)
class Cohort:
    """Where the nodules come from and where they went."""

    index: Json
    series: pd.DataFrame
    nodules: pd.DataFrame
    split: pd.DataFrame
    excluded: Json
    checks: Json
    audit: Json
    data_docs: Path | None
    """First page of the checks' Data Docs, if it is there."""


@dataclass(frozen=True)
class ViewOutliers:
    """Outlier scores of one view, their picture, and the page that shows every nodule if it is there."""

    view: View
    scores: pd.DataFrame
    picture: Path
    page: Path | None


def read_cohort(places: CohortPlaces) -> Cohort:
    """Read the index, the split, what is excluded from it, the results of the checks and of the audit.

    Raises:
        MissingInputError: one of them is not there.
    """
    return Cohort(
        index=read_json(places.index / "summary.json"),
        series=read_table(places.index / "series.parquet", SERIES),
        nodules=read_table(places.index / "nodules.parquet", NODULES),
        split=read_table(places.split, SPLIT),
        excluded=read_json(places.excluded),
        checks=read_json(places.checked / "result.json"),
        audit=read_json(places.audited / "result.json"),
        data_docs=_if_there(places.checked / "data_docs" / "index.html"),
    )


def read_tasks(places: Places, tasks: Iterable[Task]) -> list[TaskFiles]:
    """Read those of `tasks` that were evaluated, in their order.

    Raises:
        MissingInputError: no task was evaluated.
        InputError: a `metrics.json` lacks what every evaluation writes.
    """
    found = [task for task in tasks if (places.evaluation / task / "metrics.json").is_file()]
    if not found:
        raise MissingInputError(
            f"{places.evaluation} holds no <task>/metrics.json; run `dvc repro evaluate` first"
        )
    return [_read_task(places, task) for task in found]


def read_outliers(places: Places, views: Iterable[View]) -> list[ViewOutliers]:
    """Read the outlier scores of those of `views` that have them."""
    return [
        ViewOutliers(view, read_table(places.outliers / f"{view}.parquet", OUTLIERS), picture, page)
        for view in views
        for page in [_if_there(places.outliers / f"{view}.html")]
        if (picture := places.outliers / f"{view}.png").is_file()
    ]


def patients_are_inferred(root: Path) -> bool:
    """Whether no patient is named in the data of a project; False where nothing is indexed yet."""
    path = root / "data" / "index" / "summary.json"
    return path.is_file() and bool(read_json(path).get("patients_inferred", False))


def _read_task(places: Places, task: Task) -> TaskFiles:
    metrics = read_json(places.evaluation / task / "metrics.json")
    missing = sorted(_NEEDED - set(metrics))
    if missing:
        raise InputError(
            f"{places.evaluation / task / 'metrics.json'} lacks {', '.join(missing)}; it may be from another "
            "version, run `dvc repro evaluate`"
        )
    folders = {
        "evaluate": places.evaluation / task,
        "finetune": places.log / task,
        "tune": places.tune / task,
        "screen": places.screen / task,
        "explain": places.explanation / task,
    }
    return TaskFiles(
        task=task,
        metrics=metrics,
        ranking=_read_optional(places.screen / task / "ranking.json"),
        tuned=_read_optional(places.tune / task / "best.json"),
        training=_read_optional(places.log / task / "summary.json"),
        explained=_read_optional(places.explanation / task / "cases.json"),
        registration=_read_optional(places.registration / f"{task}.json"),
        cards=[
            path
            for name in CARDS
            if (path := places.cards / task / f"{name.replace(' ', '_')}.html").is_file()
        ],
        trust=_read_optional(places.evaluation / task / "trust.json"),
        suspicious=_read_suspicious(places.evaluation / task / "suspicious_labels.parquet"),
        openings=[line for line in read_openings(places.ledger) if line.task == task],
        comparisons=[line for line in read_comparisons(places.ledger) if line.task == task],
        figures={stage: sorted(folder.glob("*.png")) for stage, folder in folders.items()},
    )


def _if_there(path: Path) -> Path | None:
    return path if path.is_file() else None


def _read_suspicious(path: Path) -> pd.DataFrame | None:
    return read_table(path, SUSPICIOUS) if path.is_file() else None


def _read_optional(path: Path) -> Json | None:
    return read_json(path) if path.is_file() else None
