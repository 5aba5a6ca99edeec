"""What a run left behind of one task, as far as it is needed to compare it with another run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lungml.errors import InputError, MissingInputError
from lungml.evaluation.keyed import FILE, KeyedAnswers, read_answers
from lungml.files import read_json
from lungml.report.collect import Json
from lungml.terms import Task

UNKNOWN = "not recorded"


@dataclass(frozen=True, eq=False)
class Side:
    """One run of one task."""

    task: Task
    answers: KeyedAnswers
    policy: str
    """Label policy in force: its name and the start of its checksum, or `UNKNOWN`."""
    params: Mapping[str, str]
    """By dotted name, with what the search chose under `chosen.`; empty if they are not recorded."""
    lineage: Mapping[str, str]
    """Checksums, code and initial weights by the names of a version's tags."""


@dataclass(frozen=True)
class Made:
    """What a run was made with."""

    params: Mapping[str, str]
    tags: Mapping[str, str]


def read_side(task: Task, evaluation: Path, made: Made) -> Side:
    """Read the folder of an evaluation.

    Raises:
        MissingInputError: a file is not there.
        InputError: a file is damaged, or the evaluation is of another task.
    """
    metrics = read_json(evaluation / "metrics.json")
    if metrics.get("task") != task:
        raise InputError(f"{evaluation} is an evaluation of {metrics.get('task')}, expected {task}")
    known = {**made.tags, **metrics.get("lineage", {}), "weights": metrics.get("weights", UNKNOWN)}
    trust = evaluation / "trust.json"
    policy = _policy(read_json(trust)) if trust.is_file() else UNKNOWN
    return Side(
        task=task,
        answers=read_answers(evaluation / FILE),
        policy=policy,
        params=made.params,
        lineage={name: str(value) for name, value in known.items()},
    )


def read_folder(root: Path) -> dict[Task, Side]:
    """Every evaluated task of a finished project, of which `root` is the folder or its folder `reports`.

    Raises:
        MissingInputError: it holds no evaluation.
    """
    reports = root / "reports" if (root / "reports").is_dir() else root
    found = [task for task in Task if (reports / "evaluate" / task / "metrics.json").is_file()]
    if not found:
        raise MissingInputError(
            f"{root} holds no reports/evaluate/<task>/metrics.json; give the folder of a project whose "
            "`dvc repro` has finished, the id of an MLflow run, or models:/NAME@ALIAS"
        )
    return {task: read_side(task, reports / "evaluate" / task, _made(reports, task)) for task in found}


def _made(reports: Path, task: Task) -> Made:
    """From the record of the register stage; nothing where there is none."""
    path = reports / "register" / f"{task}.json"
    if not path.is_file():
        return Made({}, {})
    record = read_json(path)
    params = {name: str(value) for name, value in record.get("params", {}).items()}
    chosen = reports / "tune" / task / "best.json"
    if chosen.is_file():
        best = read_json(chosen)
        params |= {f"chosen.{name}": str(value) for name, value in best.items() if name not in _NOT_CHOSEN}
    return Made(params, record.get("tags", {}))


_NOT_CHOSEN = frozenset({"task", "weighted_auprc", "trials", "pruned"})
"""What `best.json` says of the search and not of the candidate."""


def _policy(trust: Json) -> str:
    row = next((row for row in trust.get("policies", []) if row["in_force"]), None)
    return UNKNOWN if row is None else f"{row['policy']} ({row['sha256'][:12]})"
