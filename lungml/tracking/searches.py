"""The search of a record -> an MLflow run of its own, with a child run for each trial.

Models that come from one search (trained otherwise, measured anew) share its run, which they name in the tag
`search_run_id`.
"""

from __future__ import annotations

import time

from mlflow import MlflowClient
from mlflow.entities import Metric

from lungml.files import read_json
from lungml.tracking.record import Record, number_of
from lungml.tracking.runs import finished_run, log_metrics, log_params
from lungml.tracking.store import who

_PARENT_TAG = "mlflow.parentRunId"
_SEARCH_TAG = "search_sha256"

_STATUS = {"COMPLETE": "FINISHED", "PRUNED": "KILLED"}
"""How an Optuna state shows as a run's status."""


def send_search(client: MlflowClient, experiment: str, record: Record) -> str:
    """Send the search of a record and give the id of its run; one that is there is left as it is."""
    digest = record.search_sha256()
    known = finished_run(client, experiment, _SEARCH_TAG, digest)
    if known is not None:
        return str(known.info.run_id)
    tags = {
        _SEARCH_TAG: digest,
        "task": record.task,
        "mlflow.user": who(),
        "mlflow.note.content": _headline(record),
    }
    run_id: str = client.create_run(
        experiment, run_name=f"{record.task} search {digest[:8]}", tags=tags
    ).info.run_id
    params = {name: str(value) for name, value in record.params.items() if name.startswith("tune.")}
    log_params(client, run_id, params | {f"chosen.{name}": value for name, value in record.chosen().items()})
    log_metrics(client, run_id, _summary(record))
    for path in record.figures_and_summaries("tuned"):
        client.log_artifact(run_id, str(path))
    for row in record.trials():
        _send_trial(client, experiment, run_id, record, row)
    client.set_terminated(run_id)
    return run_id


def _headline(record: Record) -> str:
    best = read_json(record.folders["tuned"] / "best.json")
    return (
        f"Hyper-parameter search: best validation weighted AUPRC {best['weighted_auprc']:.3f} of "
        f"{best['trials']} trials, {best['pruned']} of them stopped early. The best of many is flattered; "
        "the test part, which the search never reads, judges the model."
    )


def _summary(record: Record) -> list[Metric]:
    """Each trial's score and the best so far, by trial; how much each hyper-parameter mattered."""
    metrics = [
        _metric(f"importance/{name}", share)
        for name, share in read_json(record.folders["tuned"] / "importance.json").items()
    ]
    best = None
    for row in record.trials():
        score = number_of(row["value"])
        if score is None:
            continue
        metrics.append(_metric("score", score, int(row["number"])))
        if row["state"] == "COMPLETE":
            best = score if best is None else max(best, score)
            metrics.append(_metric("best_score", best, int(row["number"])))
    return metrics


def _send_trial(
    client: MlflowClient, experiment: str, search: str, record: Record, row: dict[str, str]
) -> None:
    """A trial as a child run: what was drawn, its score after each epoch, and its final one."""
    number, state = row["number"], row["state"]
    tags = {_PARENT_TAG: search, "optuna.trial": number, "optuna.state": state}
    run_id = client.create_run(experiment, run_name=f"trial {number}", tags=tags).info.run_id
    drawn = record.chosen()
    log_params(client, run_id, {name: text for name, text in row.items() if name in drawn and text})
    scores = [
        _metric("score", float(epoch["score"]), int(epoch["epoch"]))
        for epoch in record.trial_scores()
        if epoch["number"] == number
    ]
    final = number_of(row["value"])
    log_metrics(client, run_id, scores + ([] if final is None else [_metric("best_score", final)]))
    client.set_terminated(run_id, _STATUS[state])


def _metric(name: str, value: float, step: int = 0) -> Metric:
    return Metric(name, value, time.time_ns() // 1_000_000, step)
