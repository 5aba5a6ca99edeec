"""`lungml compare` and `lungml report --compare`: whether a change helped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lungml.progress import say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lungml.evaluation.pairing import Drawing
    from lungml.report.compare.findings import Finding
    from lungml.report.compare.sides import Side
    from lungml.terms import Task

_PARAMS = Path("params.yaml")


@click.command("compare")
@click.argument("first")
@click.argument("second")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("reports/comparison.html"),
    show_default=True,
    help="The page.",
)
def command(first: str, second: str, out: Path) -> None:
    """Compare two runs on the test nodules both answered: whether the change from FIRST to SECOND helped.

    A run is the folder of a finished project (or its reports), the id of an MLflow run, or a registered
    model such as models:/lungml-nodule-binary@champion. Prints every metric of both with the paired
    difference, and writes one HTML page that also says what the runs were made with. As it chooses by the
    test part, it is a line in the project's test-ledger.jsonl.
    """
    from lungml.files import write_text
    from lungml.report.compare.findings import compare_runs
    from lungml.report.compare.page import comparison_page

    sides = _read(first), _read(second)
    found = compare_runs(*sides, (first, second), _drawing())
    _enter([task.task for task in found.tasks], {"first": sides[0], "second": sides[1]})
    write_text(out, comparison_page(found))
    for line in comparison_lines(found):
        click.echo(line)
    say(f"page: {out}")


def comparison_lines(found: Finding) -> list[str]:
    """What a person reads on a terminal: the answer first, then a table for each task."""
    from lungml.report.compare.findings import HEADER

    lines = [found.sentence, *([found.left_out] if found.left_out else [])]
    for task in found.tasks:
        rows = [HEADER, *task.table]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines += ["", f"{task.task}: {task.verdict}", task.shared]
        lines += [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        lines += [f"differs: {what}: {one} -> {other}" for what, one, other in task.made.rows]
    return lines


def _read(run: str) -> dict[Task, Side]:
    from lungml.report.compare.sides import Made, read_folder, read_side

    path = Path(run)
    if path.is_dir():
        return read_folder(path)
    from lungml.tracking.fetching import fetched_run, is_run

    if not is_run(run):
        return read_folder(path)
    with fetched_run(run) as found:
        return {found.task: read_side(found.task, found.evaluation, Made(found.params, found.tags))}


def _enter(tasks: list[Task], runs: Mapping[str, Mapping[Task, Side]]) -> None:
    """Into the ledger of the project that this is typed in."""
    from lungml.sealing.ledger import NAME, enter_comparison

    if not _PARAMS.is_file():
        say("this folder is no project, so the comparison is in no ledger of the test part")
        return
    models = {task: [_model_of(sides[task], which) for which, sides in runs.items()] for task in tasks}
    for task, (one, other) in models.items():
        enter_comparison(Path(NAME), task, (one, other), "comparison")


def _model_of(side: Side, which: str) -> str:
    """Checksum of the bundle that answered."""
    from lungml.errors import InputError

    found = side.lineage.get("bundle_sha256")
    if found is None:
        raise InputError(
            f"the {which} run does not say which model its answers in {side.task} are of (no bundle_sha256 "
            "in the lineage of its metrics.json), so the ledger of the test part cannot name it; run "
            f"`dvc repro -f evaluate@{side.task}` where the run comes from, and compare again"
        )
    return found


def _drawing() -> Drawing:
    """As the project says, or as lungml is shipped where no project is."""
    from lungml.evaluation.pairing import Drawing
    from lungml.params import load_params
    from lungml.params.evaluation import EvaluateParams

    params = load_params().evaluate if _PARAMS.is_file() else EvaluateParams()
    return Drawing(params.confidence, params.replicates, params.seed)
