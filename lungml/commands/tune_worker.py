"""Command `tune-worker`: one more process for a hyper-parameter search that is under way."""

from __future__ import annotations

from pathlib import Path

import click

from lungml.terms import Task


@click.command("tune-worker")
@click.option("--task", type=click.Choice([task.value for task in Task]), required=True)
def command(task: str) -> None:
    """Work on the search of a task that `dvc repro` or `lungml tune` has begun, until its budget is finished.

    On the same machine it finds the search by itself. On another machine it needs the same params.yaml and
    data, and LUNGML_TUNE_STORAGE set to the same database as for the first process.
    """
    from lungml.params import load_params
    from lungml.stages.tune import prepare, work_on

    name = Task(task)
    params = load_params()
    tune = params.tasks[name].tune
    out = Path("reports") / "tune" / name
    prepared = prepare(
        tune,
        params.weights,
        params.intensity,
        task=name,
        screen=Path("reports") / "screen" / name,
        views=Path("data") / "views" / name.view,
        split=Path("data") / "split.parquet",
        out=out,
    )
    for _ in work_on(prepared, tune, out, joins=True):
        pass
