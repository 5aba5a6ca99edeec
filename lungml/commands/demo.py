"""`lungml demo`: run the whole pipeline, print the table of results, and say where to look next."""

from __future__ import annotations

import os
import sys
import time
from functools import partial
from pathlib import Path

import click

from lungml.compute import workers
from lungml.errors import MissingInputError
from lungml.files import read_json
from lungml.graph import read_graph
from lungml.pipeline.side_by_side import INTERRUPTED, Outcome, run_side_by_side
from lungml.progress import say
from lungml.report.alarms import alarms
from lungml.report.table import HEADER, table_rows
from lungml.signals import as_ctrl_c

_SWITCHES = {
    "DVC_NO_ANALYTICS": "1",
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}
"""Nothing calls home."""
_JOBS = 2


@click.command("demo")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help=f"Stages that run side by side (default: {_JOBS}; 1 where there is one processor). On a GPU, one.",
)
def command(jobs: int | None) -> None:
    """Run the whole pipeline and print the table of results.

    DVC runs each stage of dvc.yaml that is not up to date, so a stopped demo goes on where it was.
    `dvc repro` gives the same files, one stage after the other.
    """
    started = time.monotonic()
    root = Path.cwd()
    if not (root / "dvc.yaml").is_file():
        raise MissingInputError(f"{root} holds no dvc.yaml; run lungml demo in the project's root folder")
    os.environ.update(_SWITCHES)
    nodes = read_graph(root)
    at_once = jobs or min(_JOBS, workers())
    say(f"{len(nodes)} stages, {at_once} at once; those that are up to date are not run again")
    width = max(len(node.name) for node in nodes)
    with as_ctrl_c():
        outcome = run_side_by_side(nodes, root, at_once=at_once, show=partial(_show, width))
    if outcome.exit_code:
        say(failure(outcome))
        sys.exit(outcome.exit_code)
    _print_results(root)
    click.echo(f"Time: {_duration(time.monotonic() - started)}")


def failure(outcome: Outcome) -> str:
    """What happened and how to go on."""
    go_on = "run lungml demo again: what is finished is not run again"
    if outcome.exit_code == INTERRUPTED:
        where = f" in stage {outcome.stage}" if outcome.stage else ""
        return f"lungml: stopped{where}; to go on, {go_on}"
    reason = f": {outcome.reason}" if outcome.reason else "; the reason is above"
    return (
        f"lungml: stage {outcome.stage} failed (exit code {outcome.exit_code}){reason}\nMend it and {go_on}"
    )


def _show(width: int, stage: str, line: str) -> None:
    say(f"{stage:<{width}}  {line}")


def _print_results(root: Path) -> None:
    summary = read_json(root / "reports" / "summary.json")
    for alarm in alarms(root):
        click.echo(alarm)
    _print_table(table_rows(summary))
    click.echo("Test part; intervals over patients. The models predict the readers' rating, never cancer.")
    if any(numbers["random_weights"] for numbers in summary.values()):
        click.echo(
            "Backbones started from random weights (weights.source: random), so expect less than they can do."
        )
    programs = _shown(Path(sys.executable).parent, root)
    click.echo(
        "\n".join(
            (
                "",
                f"Report:     {_shown(root / 'reports' / 'report.html', root)}",
                f"Data Docs:  {_shown(root / 'reports' / 'validate' / 'data_docs' / 'index.html', root)}",
                f"MLflow UI:  {programs}/mlflow ui --backend-store-uri sqlite:///mlruns/mlflow.db",
                f"Prefect UI: {programs}/prefect server start",
            )
        )
    )


def _print_table(rows: list[tuple[str, ...]]) -> None:
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table

        table = Table(*HEADER)
        for row in rows:
            table.add_row(*row)
        Console().print(table)
        return
    widths = [max(map(len, column)) for column in zip(HEADER, *rows, strict=True)]
    for row in (HEADER, *rows):
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
