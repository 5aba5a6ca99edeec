"""A record -> an MLflow run: parameters, metrics per epoch and on the test part, figures, data, trials."""

from __future__ import annotations

import json
import os
import time

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run

from lungml.files import read_json
from lungml.tracking.record import Record, number_of
from lungml.tracking.store import who

_PARENT_TAG = "mlflow.parentRunId"
_RECORD_TAG = "record_sha256"
_METRICS_A_BATCH = 1000
_PARAMS_A_BATCH = 100
_DIGEST_CHARACTERS = 32
"""MLflow keeps at most 36."""

_TRIAL_STATUS = {"COMPLETE": "FINISHED", "PRUNED": "KILLED"}
"""How an Optuna state shows as a run's status; every other state is FAILED."""


def finished_run(client: MlflowClient, experiment: str, record: Record) -> Run | None:
    """The run that already holds this record; one that was cut short is closed and does not count."""
    found = client.search_runs([experiment], f"tags.{_RECORD_TAG} = '{record.sha256()}'")
    for run in found:
        if run.info.status == "RUNNING":
            client.set_terminated(run.info.run_id, "KILLED")
    return next((run for run in found if run.info.status == "FINISHED"), None)


def start_run(client: MlflowClient, experiment: str, record: Record) -> str:
    """Make a run for a record and give its id; it counts as there only once `finish_run` was called."""
    tags = record.tags | {
        _RECORD_TAG: record.sha256(),
        "task": record.task,
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
    _log_params(client, run_id, {name: str(value) for name, value in record.params.items()} | chosen)
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
    _log_metrics(client, run_id, metrics)
    client.log_inputs(run_id, [_input(data, "index"), _input(split, "train, val and test")])
    for folder, path in record.figures_and_summaries():
        client.log_artifact(run_id, str(path), folder)
    _log_trials(client, run_id, record)
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


def _log_trials(client: MlflowClient, parent: str, record: Record) -> None:
    """Each trial of the search as a child run."""
    experiment = client.get_run(parent).info.experiment_id
    searched = record.chosen()
    for row in record.trials():
        state = row["state"]
        tags = {_PARENT_TAG: parent, "optuna.trial": row["number"], "optuna.state": state}
        child = client.create_run(experiment, run_name=f"trial {row['number']}", tags=tags).info.run_id
        others = {name: text for name, text in row.items() if name not in ("number", "state") and text}
        _log_params(client, child, {name: text for name, text in others.items() if name in searched})
        measured = {name: number_of(text) for name, text in others.items() if name not in searched}
        now = time.time_ns() // 1_000_000
        _log_metrics(
            client,
            child,
            [Metric(name, value, now, 0) for name, value in measured.items() if value is not None],
        )
        client.set_terminated(child, _TRIAL_STATUS.get(state, "FAILED"))


def _log_params(client: MlflowClient, run_id: str, params: dict[str, str]) -> None:
    rows = [Param(name, value) for name, value in params.items()]
    for start in range(0, len(rows), _PARAMS_A_BATCH):
        client.log_batch(run_id, params=rows[start : start + _PARAMS_A_BATCH])


def _log_metrics(client: MlflowClient, run_id: str, metrics: list[Metric]) -> None:
    for start in range(0, len(metrics), _METRICS_A_BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + _METRICS_A_BATCH])
