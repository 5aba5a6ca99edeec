"""`lungml agreement`: how well the readers of the data agree, as a table or a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lungml.agreement import agreement
from lungml.files import write_json
from lungml.params import load_params
from lungml.tables import READINGS, read_table

_NAMES = {
    "qwk": "quadratic weighted kappa, scores 1 to 5",
    "kappa": "kappa, malignant (4, 5) or not",
    "auroc": "AUROC, malignant (4, 5) or not",
}


@click.command("agreement")
@click.option("--index", type=click.Path(path_type=Path), required=True, help="Folder of the index tables.")
@click.option("--out", type=click.Path(path_type=Path), help="Also write the figures into this JSON file.")
def command(index: Path, out: Path | None) -> None:
    """Print how well each reader agrees with the others on malignancy.

    This is what a model that predicts readers' scores can be held against. The scores of the other readers
    become one as `labels` in params.yaml says.
    """
    params = load_params()
    readings = read_table(index / "readings.parquet", READINGS)
    found = agreement(readings, params.labels, confidence=params.evaluate.confidence)
    if out is not None:
        write_json(out, found)
    click.echo("\n".join(_page(found)))


def _page(found: dict[str, Any]) -> list[str]:
    if not found["nodules"]:
        return ["No nodule has scores of two readers, so there is no agreement to measure."]
    return [
        f"{found['readings']} readings of {found['nodules']} nodules of {found['patients']} patients; "
        f"nodules by number of readings: "
        + ", ".join(f"{count}: {nodules}" for count, nodules in found["nodules_by_readings"].items()),
        "",
        "Each reading against the others of its nodule:",
        *_measures(found["leave_one_out"]),
        "",
        f"Readings in pairs ({found['pairs']['count']}; {found['pairs']['equal']:.0%} equal, "
        f"{found['pairs']['within_one']:.0%} within one):",
        *_measures(found["pairs"]),
        "",
        *found["notes"],
    ]


def _measures(measures: dict[str, Any]) -> list[str]:
    return [f"  {name:<42}{_interval(measures[key])}" for key, name in _NAMES.items()]


def _interval(measure: dict[str, float | None]) -> str:
    value, low, high = measure["value"], measure["low"], measure["high"]
    if value is None:
        return "not defined"
    return f"{value:.3f}" + ("" if low is None or high is None else f"  ({low:.3f} to {high:.3f})")
