"""One trained model as files: everything MLflow is told about it, and the checksum that names it.

A record is made by the register stage and written to `reports/register/<task>.json`, so `lungml sync` can
send it later, from the same files, without `params.yaml`.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungml.errors import InputError, MissingInputError
from lungml.files import read_json, sha256_file, sha256_json, write_json
from lungml.params.section import Section
from lungml.revision import git_tags
from lungml.system_metrics import Measurement, kept
from lungml.terms import Task

_SENT_SUFFIXES = frozenset({".png", ".svg", ".html", ".json", ".csv", ".md"})
"""Figures and summaries go to MLflow; tables with a row per patient (parquet) stay with DVC."""

Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Record:
    """A trained model and what was measured of it.

    `folders` maps what a folder is (bundle, tuned, log, evaluation, explanation, screen, card) to its place;
    `params` are the parameters it depends on, flat ("finetune.epochs"); `tags` go to run and version.
    """

    task: Task
    folders: dict[str, Path]
    params: dict[str, Scalar]
    tags: dict[str, str]

    @property
    def bundle_sha256(self) -> str:
        """Names the model: equal bundles are one registered version."""
        return self.tags["bundle_sha256"]

    def sha256(self) -> str:
        """Names the record: every file in it, its parameters, and nothing about when or where it was made."""
        files = {
            f"{name}/{path.relative_to(folder).as_posix()}": sha256_file(path)
            for name, folder in self.folders.items()
            for path in _files(folder)
        }
        return sha256_json({"task": self.task, "files": files, "params": self.params})

    def search_sha256(self) -> str:
        """Names the search the model comes from: every file of it."""
        files = {path.name: sha256_file(path) for path in _files(self.folders["tuned"])}
        return sha256_json({"task": self.task, "files": files})

    def figures_and_summaries(self, name: str) -> list[Path]:
        """The files of a folder that go to MLflow as artifacts."""
        return [path for path in _files(self.folders[name]) if path.suffix in _SENT_SUFFIXES]

    def headline(self) -> str:
        """The main result as one sentence for a person who looks at a list of runs or versions."""
        metrics = read_json(self.folders["evaluation"] / "metrics.json")
        value, low, high, chance = (
            "undefined" if (number := metrics["raw"]["weighted_auprc"][part]) is None else f"{number:.3f}"
            for part in ("value", "low", "high", "chance")
        )
        return (
            f"Test weighted AUPRC {value} ({low} to {high}), chance {chance}; {metrics['n']} nodules of "
            f"{metrics['patients']} patients; {metrics['weights']} initial weights. Predicts radiologists' "
            "rating, not cancer."
        )

    def test_metrics(self) -> dict[str, float]:
        """Final metrics by MLflow name: `test/auroc`, `test/auroc_low`, `test_tta/...`, `diameter/...`.

        Of a model of several folds also `cross_validated/...`, the estimate on train and validation.
        """
        found = test_metrics(read_json(self.folders["evaluation"] / "metrics.json"))
        summary = self.folders["log"] / "summary.json"
        estimate = read_json(summary).get("cross_validated") if summary.is_file() else None
        if estimate is None:
            return found
        return found | _by_name({"cross_validated": estimate["raw"], "cross_validated_tta": estimate["tta"]})

    def epochs(self) -> list[dict[str, float]]:
        """The rows of the training history; each has `epoch` and the numbers that were measured.

        Where a model has several variants, the names of the numbers begin with the variant's.
        """
        return [_epoch(row) for row in _rows(self.folders["log"] / "history.csv")]

    def system_metrics(self) -> list[Measurement]:
        """What the machine did meanwhile, if it was trained here; no part of what names the record."""
        return kept(self.folders["bundle"], self.bundle_sha256)

    def trials(self) -> list[dict[str, str]]:
        """The rows of the hyper-parameter search, as text."""
        return _rows(self.folders["tuned"] / "trials.csv")

    def trial_scores(self) -> list[dict[str, str]]:
        """A row for each epoch of each trial: `number`, `epoch`, `score`, as text."""
        return _rows(self.folders["tuned"] / "scores.csv")

    def chosen(self) -> dict[str, str]:
        """What the search chose, as text: the columns of its trials that the best one names too."""
        best = read_json(self.folders["tuned"] / "best.json")
        columns = {name for row in self.trials() for name in row}
        return {name: str(best[name]) for name in best if name in columns or name == "backbone"}


@dataclass(frozen=True)
class Registration:
    """What the registry says of a record; `version` and `run_id` are None while it could not be sent."""

    version: int | None
    run_id: str | None
    aliases: tuple[str, ...]
    gate: str = ""
    """What the gate said of it beside the champion; '' if it was not asked."""


PENDING = Registration(version=None, run_id=None, aliases=())


def write_record(path: Path, record: Record, registration: Registration) -> None:
    """Write a record and what the registry made of it as JSON."""
    value = {
        "task": record.task,
        "registered_model": record.task.registered_model,
        "record_sha256": record.sha256(),
        "folders": {name: folder.as_posix() for name, folder in record.folders.items()},
        "params": record.params,
        "tags": record.tags,
        "version": registration.version,
        "run_id": registration.run_id,
        "aliases": list(registration.aliases),
        "gate": registration.gate,
        "pending": registration.version is None,
    }
    write_json(path, value)


def read_record(path: Path) -> tuple[Record, Registration]:
    """Read what `write_record` wrote, and check that the files it speaks of are still the same.

    Raises:
        InputError: it is not such a file, or the files it speaks of have changed since.
    """
    value = read_json(path)
    try:
        folders = {name: Path(folder) for name, folder in value["folders"].items()}
        record = Record(Task(value["task"]), folders, value["params"], value["tags"])
        registration = Registration(
            value["version"], value["run_id"], tuple(value["aliases"]), value.get("gate", "")
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} is not a record of lungml; run `dvc repro`, which writes it anew"
        ) from error
    if record.sha256() != value["record_sha256"]:
        raise InputError(f"{path}: the files it speaks of have changed since; run `dvc repro` first")
    return record, registration


def test_metrics(metrics: dict[str, Any]) -> dict[str, float]:
    """Flatten `metrics.json`; what is undefined (null) is left out, and of baselines all but the values."""
    compared = metrics["comparisons"]
    groups = {
        "test": metrics["raw"],
        "test_tta": metrics["tta"],
        "tta_minus_raw": metrics["tta_minus_raw"],
        "model_minus_diameter": metrics["model_minus_diameter"],
        **{name: _values_alone(values) for name, values in metrics["baselines"].items()},
        **{
            f"model_minus_{name}": {compared["metric"]: {part: row[part] for part in _COMPARED}}
            for name, row in compared["rows"].items()
            if name != compared["primary"]
        },
    }
    return _by_name(groups) | {"test/n": metrics["n"], "test/patients": metrics["patients"]}


_COMPARED = ("value", "low", "high", "p_corrected")


def _values_alone(values: dict[str, dict[str, float | None]]) -> dict[str, dict[str, float | None]]:
    return {metric: {"value": parts["value"]} for metric, parts in values.items()}


def flat_params(sections: dict[str, Section]) -> dict[str, Scalar]:
    """Parameters by dotted name, as in `params.yaml`; lists become text."""
    return {
        name: value
        for section, values in sections.items()
        for name, value in _flat(section, values.model_dump(mode="json"))
    }


def lineage_tags(bundle_sha256: str, metrics: dict[str, Any], params: dict[str, Scalar]) -> dict[str, str]:
    """Where a model comes from: code, data, split, parameters, bundle.

    Raises:
        InputError: the evaluation was made with another bundle.
    """
    lineage = metrics["lineage"]
    if lineage["bundle_sha256"] != bundle_sha256:
        raise InputError(
            f"the evaluation is of bundle {lineage['bundle_sha256'][:12]}, but the model folder holds "
            f"{bundle_sha256[:12]}. Run `dvc repro` so that both come from the same training"
        )
    return {
        "bundle_sha256": bundle_sha256,
        "data_sha256": lineage["data_sha256"],
        "split_sha256": lineage["split_sha256"],
        "params_sha256": sha256_json(params),
        "weights": metrics["weights"],
        **git_tags(),
    }


def number_of(text: str) -> float | None:
    """The finite number a text is, if it is one."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def bundle_sha256(folder: Path) -> str:
    """The same as `lungml.bundle.bundle_sha256`, without importing torch, which takes longest."""
    path = folder / "bundle.json"
    if not path.is_file():
        raise MissingInputError(f"{path} is not there; run the stage that writes it (`dvc repro`)")
    return sha256_file(path)


def _by_name(groups: dict[str, Any]) -> dict[str, float]:
    """{group: {metric: {part: number}}} -> MLflow name and number; what is undefined is left out."""
    return {
        f"{group}/{metric}" if part == "value" else f"{group}/{metric}_{part}": number
        for group, values in groups.items()
        for metric, parts in values.items()
        for part, number in parts.items()
        if number is not None
    }


def _flat(name: str, value: Any) -> list[tuple[str, Scalar]]:
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in _flat(f"{name}.{key}", inner)]
    if isinstance(value, list):
        return [(name, ", ".join(str(item) for item in value))]
    return [(name, value)]


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise MissingInputError(f"{folder} is not there; run the stage that writes it (`dvc repro`)")
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _rows(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        raise MissingInputError(f"{path} is not there; run the stage that writes it (`dvc repro`)")
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def _epoch(row: Mapping[str, str]) -> dict[str, float]:
    variant = row.get("variant")
    start = "" if variant is None else re.sub(r"[^\w .:-]", "_", variant) + "/"
    numbers = {name: number for name, text in row.items() if (number := number_of(text)) is not None}
    return {name if name == "epoch" else f"{start}{name}": number for name, number in numbers.items()}
