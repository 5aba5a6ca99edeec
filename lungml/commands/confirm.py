"""Command `confirm`: fine-tune some cells of a screening briefly, and compare the two rankings."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lungml.files import read_json, write_json
from lungml.progress import say
from lungml.terms import Task

if TYPE_CHECKING:
    from lungml.confirmation import Confirmed


@click.command("confirm")
@click.argument("task", type=click.Choice([task.value for task in Task]))
@click.option("--top", type=click.IntRange(min=2), default=4, show_default=True, help="How many cells.")
@click.option("--spread", is_flag=True, help="Take them from the whole ranking, not only the best.")
@click.option("--epochs", type=click.IntRange(min=1), help="Of each training; default: tune.epochs.")
@click.option(
    "--out", type=click.Path(path_type=Path), help="JSON file; default: reports/confirm/<task>.json."
)
def command(task: str, top: int, spread: bool, epochs: int | None, out: Path | None) -> None:
    """Fine-tune the best cells of the screening of TASK briefly, to see if the probes' ranking holds.

    It trains on train and looks at validation only. Run it after `dvc repro`; it changes nothing there.
    """
    result = _confirm(Task(task), top, epochs, spread=spread)
    path = out or Path("reports") / "confirm" / f"{task}.json"
    write_json(path, result)
    agreement = result["kendall_tau"]
    shown = "not defined (too few cells, or all alike)" if agreement is None else f"{agreement:.2f}"
    click.echo(
        f"Rank agreement of probes and fine-tuning (Kendall's tau, {len(result['cells'])} cells): {shown}"
    )
    if all(cell["tied"] for cell in result["cells"]) and not spread:
        click.echo(
            "All of these cells tie in the screening, so no agreement was to be expected; try --spread."
        )


def _confirm(task: Task, top: int, epochs: int | None, *, spread: bool) -> dict[str, Any]:
    from lungml.confirmation import choose_cells, finetune_cells, rank_agreement
    from lungml.imaging.store import read_store
    from lungml.params import load_params
    from lungml.screening import Cell
    from lungml.tables import SPLIT, read_table
    from lungml.training.assembly import gather_data

    params = load_params()
    tune = params.tasks[task].tune
    tune = tune.model_copy(update={"epochs": epochs or tune.epochs})
    ranking = read_json(Path("reports") / "screen" / task / "ranking.json")
    rows = {Cell(row["backbone"], row["depth"]): row for row in ranking["cells"]}
    probed = {
        cell: rows[cell]["weighted_auprc"]["value"] for cell in choose_cells(list(rows), top, spread=spread)
    }
    store, split = (
        read_store(Path("data") / "views" / task.view),
        read_table(Path("data/split.parquet"), SPLIT),
    )
    data = gather_data(store, split, task, params.intensity)
    confirmed = []
    for each in finetune_cells(probed, data, tune, params.weights):
        confirmed.append(each)
        say(
            f"  {each.cell.backbone}, {each.cell.depth:.0%} frozen: probe {each.probed:.3f}, "
            f"fine-tuned {each.finetuned:.3f}"
        )
    cells = [_row(each, tied=rows[each.cell]["tied"]) for each in confirmed]
    tau = rank_agreement(confirmed)
    return {"task": task.value, "epochs": tune.epochs, "kendall_tau": tau, "cells": cells}


def _row(found: Confirmed, *, tied: bool) -> dict[str, Any]:
    return {**asdict(found.cell), "probed": found.probed, "finetuned": found.finetuned, "tied": tied}
