"""A record -> an MLflow run: parameters, metrics per epoch and on the test part, figures, data."""

from __future__ import annotations

import json
import os
import time

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run

from lungml.files import read_json
from lungml.tracking.record import Record
from lungml.tracking.store import who

_RECORD_TAG = "record_sha256"
_METRICS_A_BATCH = 1000
_PARAMS_A_BATCH = 100
_SHOWN_FOLDERS = ("log", "evaluation", "explanation", "screen", "card")
"""The bundle is logged as a model, and what the search wrote is with the search's run."""
_DIGEST_CHARACTERS = 32
"""MLflow keeps at most 36."""


def run_of(client: MlflowClient, experiment: str, record: Record) -> Run | None:
    """The run that already holds this record."""
    return finished_run(client, experiment, _RECORD_TAG, record.sha256())


def finished_run(client: MlflowClient, experiment: str, tag: str, value: str) -> Run | None:
    """The run with this tag; one that was cut short is closed and does not count."""
    found = client.search_runs([experiment], f"tags.{tag} = '{value}'")
    for run in found:
        if run.info.status == "RUNNING":
            client.set_terminated(run.info.run_id, "KILLED")
    return next((run for run in found if run.info.status == "FINISHED"), None)


def start_run(client: MlflowClient, experiment: str, record: Record, search: str) -> str:
    """Make a run for a record and give its id; it counts as there only once `finish_run` was called.

    Args:
        client: of the store.
        experiment: id of the task's experiment.
        record: what the run is to hold.
        search: id of the run of the search that the model comes from.
    """
    tags = record.tags | {
        _RECORD_TAG: record.sha256(),
        "task": record.task,
        "search_run_id": search,
        "mlflow.user": who(),
        "mlflow.note.content": record.headline(),
        "mlflow.source.git.commit": record.tags["git_commit"],
    }
    tags |= {name.lower(): os.environ[name] for name in ("DVC_STAGE", "DVC_EXP_NAME") if name in os.environ}
    name = f"{record.task} {record.bundle_sha256[:8]}"
    run_id: str = client.create_run(experiment, run_name=name, tags=tags).info.run_id
    return run_id


def finish_run(client: MlflowClient, run_id: str, record: Record, model_id: str | None) -> None:
    """Fill a run with all the record holds and close it. `model_id` ties test metrics to a logged model."""
    now = time.time_ns() // 1_000_000
    data, split = _datasets(record)
    chosen = {f"chosen.{name}": value for name, value in record.chosen().items()}
    log_params(client, run_id, {name: str(value) for name, value in record.params.items()} | chosen)
    metrics = [
        Metric(name, value, now, int(row["epoch"]))
        for row in record.epochs()
        for name, value in row.items()
        if name != "epoch"
    ]
    metrics += [
        Metric(name, value, now, 0, model_id, split.name, split.digest)
        for name, value in record.test_metrics().items()
    ]
    metrics += [Metric(each.name, each.value, each.time_ms, each.step) for each in record.system_metrics()]
    log_metrics(client, run_id, metrics)
    client.log_inputs(run_id, [_input(data, "index"), _input(split, "train, val and test")])
    for folder in (name for name in _SHOWN_FOLDERS if name in record.folders):
        for path in record.figures_and_summaries(folder):
            client.log_artifact(run_id, str(path), folder)
    client.set_terminated(run_id)


def _datasets(record: Record) -> tuple[Dataset, Dataset]:
    """The tables a model was made from, by checksum; DVC holds their content."""
    metrics = read_json(record.folders["evaluation"] / "metrics.json")
    sizes = json.dumps({"test_nodules": metrics["n"], "test_patients": metrics["patients"]})

    def dataset(name: str, place: str, profile: str | None) -> Dataset:
        digest = record.tags[f"{name}_sha256"][:_DIGEST_CHARACTERS]
        return Dataset(name, digest, "local", json.dumps({"uri": place}), profile=profile)

    return dataset("data", "data/index", None), dataset("split", "data/split.parquet", sizes)


def _input(dataset: Dataset, context: str) -> DatasetInput:
    return DatasetInput(dataset, [InputTag("mlflow.data.context", context)])


def log_params(client: MlflowClient, run_id: str, params: dict[str, str]) -> None:
    """Send parameters, as many at once as MLflow takes."""
    rows = [Param(name, value) for name, value in params.items()]
    for start in range(0, len(rows), _PARAMS_A_BATCH):
        client.log_batch(run_id, params=rows[start : start + _PARAMS_A_BATCH])


def log_metrics(client: MlflowClient, run_id: str, metrics: list[Metric]) -> None:
    """Send metrics, as many at once as MLflow takes."""
    for start in range(0, len(metrics), _METRICS_A_BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + _METRICS_A_BATCH])
