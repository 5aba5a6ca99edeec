"""What a run measured, as rows and text for people; read from the files the stages left."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lungml.files import read_json
from lungml.params import load_params
from lungml.report.alarms import alarms
from lungml.terms import Task

_COLUMNS = ("f1_weighted", "balanced_accuracy")


def result_rows(root: Path) -> list[dict[str, Any]]:
    """A row for each task in scope that was evaluated: its metrics beside chance and diameter alone."""
    evaluated = {
        task: path
        for task in Task
        if (path := root / "reports" / "evaluate" / task / "metrics.json").is_file()
    }
    scope = load_params(root / "params.yaml").scope.tasks if evaluated else {}
    return [
        {"task": task.value} | _measured(read_json(path)) | _registered(root, task)
        for task, path in evaluated.items()
        if task in scope
    ]


def summary(root: Path, states: Mapping[str, str], rows: list[dict[str, Any]]) -> str:
    """A page in Markdown: how each stage ended, the results, and where to look further."""
    warnings = [line for alarm in alarms(root) for line in (alarm, "")]
    lines = ["# lungml reproduce", "", *warnings, "| stage | state |", "|---|---|"]
    lines += [f"| {stage} | {state} |" for stage, state in states.items()]
    if rows:
        lines += ["", "| " + " | ".join(rows[0]) + " |", "|" + "---|" * len(rows[0])]
        lines += ["| " + " | ".join(_cell(value) for value in row.values()) + " |" for row in rows]
    report = root / "reports" / "report.html"
    if report.is_file():
        lines += ["", f"Report: [{report.name}]({report.as_uri()})"]
    return "\n".join([*lines, "", f"MLflow: {_mlflow(root)}"])


def _measured(metrics: dict[str, Any]) -> dict[str, Any]:
    headline = metrics["raw"]["weighted_auprc"]
    diameter = metrics["baselines"].get("diameter", {}).get("weighted_auprc", {}).get("value")
    cells = {
        "weighted AUPRC": headline["value"],
        "95 % low": headline["low"],
        "95 % high": headline["high"],
        "chance": headline["chance"],
        "diameter alone": diameter,
    }
    cells |= {name.replace("_", " "): metrics["raw"][name]["value"] for name in _COLUMNS}
    rounded = {name: None if value is None else round(value, 3) for name, value in cells.items()}
    return rounded | {"patients": metrics["patients"], "weights": metrics["weights"]}


def _registered(root: Path, task: Task) -> dict[str, Any]:
    path = root / "reports" / "register" / f"{task}.json"
    return {"version": read_json(path)["version"] if path.is_file() else None}


def _cell(value: Any) -> str:
    return "-" if value is None else str(value)


def _mlflow(root: Path) -> str:
    uri = os.environ.get("MLFLOW_TRACKING_URI", "")
    if uri.startswith("http"):
        return f"<{uri}>"
    return f"`mlflow ui --backend-store-uri sqlite:///{root / 'mlruns' / 'mlflow.db'}`"
