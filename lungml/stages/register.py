"""Stage `register`: the trained model of a task becomes a version in the MLflow registry.

The record is written as a file in any case. If MLflow does not answer, the record has no version and
`"pending": true`, a warning says so, and the stage succeeds, because training must not depend on a server:
`lungml sync` sends the record later and fills the version in; then `dvc repro` brings the report up to date.
"""

from __future__ import annotations

from pathlib import Path

from lungml.errors import ServiceError
from lungml.files import read_json
from lungml.params.data import IntensityParams, LabelParams, SplitParams, ViewsParams
from lungml.params.evaluation import RegisterParams
from lungml.params.model import TuneParams, WeightsParams
from lungml.params.task import FinetuneParams
from lungml.progress import say
from lungml.terms import Task


def run(  # noqa: PLR0913, PLR0917 - it takes every section the model depends on, to put their checksum on the version
    params: RegisterParams,
    labels: LabelParams,
    split: SplitParams,
    views: ViewsParams,
    intensity: IntensityParams,
    weights: WeightsParams,
    tune: TuneParams,
    finetune: FinetuneParams,
    *,
    task: Task,
    bundle: Path,
    tuned: Path,
    log: Path,
    evaluation: Path,
    explanation: Path,
    screen: Path,
    card: Path,
    out: Path,
) -> None:
    """Send one model with all that was measured of it, and write what the registry made of it."""
    from lungml.tracking.record import PENDING, Record, bundle_sha256, flat_params, lineage_tags, write_record
    from lungml.tracking.registry import register

    flat = flat_params(
        {
            "labels": labels,
            "split": split,
            "views": views,
            "intensity": intensity,
            "weights": weights,
            "tune": tune,
            "finetune": finetune,
        }
    )
    folders = {
        "bundle": bundle,
        "tuned": tuned,
        "log": log,
        "evaluation": evaluation,
        "explanation": explanation,
        "screen": screen,
        "card": card,
    }
    metrics = read_json(evaluation / "metrics.json")
    record = Record(task, folders, flat, lineage_tags(bundle_sha256(bundle), metrics, flat))
    try:
        registration = register(record, params)
    except ServiceError as error:
        say(f"warning: {task} is not registered. {error}")
        registration = PENDING
    write_record(out, record, registration)
