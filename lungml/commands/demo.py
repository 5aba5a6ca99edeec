"""`lungml demo`: run the whole pipeline, print the table of results, and say where to look next."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from lungml.errors import MissingInputError
from lungml.files import read_json
from lungml.graph import read_graph
from lungml.report.collect import patients_are_inferred
from lungml.report.table import HEADER, table_rows
from lungml.report.wording import INFERRED

_SWITCHES = {
    "DVC_NO_ANALYTICS": "1",
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}
"""Nothing calls home."""
_INTERRUPTED = 130


@dataclass(frozen=True)
class Outcome:
    """How the run ended; `stage` is the last one that was started, '' if none was."""

    exit_code: int
    stage: str


@click.command("demo")
def command() -> None:
    """Run the whole pipeline and print the table of results.

    It runs `dvc repro` in this folder: what is up to date is not run again, so a stopped demo goes on where
    it was.
    """
    started = time.monotonic()
    root = Path.cwd()
    if not (root / "dvc.yaml").is_file():
        raise MissingInputError(f"{root} holds no dvc.yaml; run lungml demo in the project's root folder")
    order = [node.name for node in read_graph(root)]
    click.echo(f"{len(order)} stages; those that are up to date are not run again", err=True)
    outcome = reproduce([sys.executable, "-m", "dvc", "repro"], root, order)
    if outcome.exit_code:
        click.echo(failure(outcome), err=True)
        sys.exit(outcome.exit_code)
    _print_results(root)
    click.echo(f"Time: {_duration(time.monotonic() - started)}")


def reproduce(words: Sequence[str], root: Path, order: Sequence[str]) -> Outcome:
    """Run DVC with our terminal, so that progress is live, and find out how it ended.

    The exit code is the failed stage's own, 130 after Ctrl-C, else DVC's. DVC and the stage get Ctrl-C
    too and stop by themselves, so it is waited for them.
    """
    interrupted = False
    with tempfile.TemporaryDirectory(prefix="lungml-") as folder:
        note = Path(folder) / "stage"
        with subprocess.Popen(words, cwd=root, env=environment(order, note)) as process:
            while True:
                try:
                    returncode = process.wait()
                    break
                except KeyboardInterrupt:
                    interrupted = True
        stage, _, code = note.read_text(encoding="utf-8").partition("\n") if note.is_file() else ("", "", "")
    if interrupted:
        return Outcome(_INTERRUPTED, stage)
    return Outcome(int(code) if returncode and code else returncode, stage)


def environment(order: Sequence[str], note: Path) -> Mapping[str, str]:
    """Where DVC and the stages run: this Python's programs first, stages counted, nothing calls home."""
    programs = str(Path(sys.executable).parent)
    return {
        **os.environ,
        **_SWITCHES,
        "PATH": os.pathsep.join([programs, os.environ.get("PATH", os.defpath)]),
        "LUNGML_STAGE_ORDER": ",".join(order),
        "LUNGML_STAGE_NOTE": str(note),
    }


def failure(outcome: Outcome) -> str:
    """What happened and how to go on."""
    go_on = "run lungml demo again: what is finished is not run again"
    if outcome.exit_code == _INTERRUPTED:
        where = f" in stage {outcome.stage}" if outcome.stage else ""
        return f"lungml: stopped{where}; to go on, {go_on}"
    if not outcome.stage:
        return (
            f"lungml: DVC stopped before any stage ran (exit code {outcome.exit_code}); its reason is above"
        )
    return (
        f"lungml: stage {outcome.stage} failed (exit code {outcome.exit_code}); the reason is above. "
        f"Mend it and {go_on}"
    )


def _print_results(root: Path) -> None:
    summary = read_json(root / "reports" / "summary.json")
    if patients_are_inferred(root):
        click.echo(INFERRED)
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
