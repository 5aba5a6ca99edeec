"""Command `workspace`: a project folder of its own for another cohort."""

from __future__ import annotations

from pathlib import Path

import click

from lungml.progress import say


@click.command("workspace")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--params",
    type=click.Path(path_type=Path, dir_okay=False),
    help="YAML file with the parameters that differ.",
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="NAME=VALUE",
    help="One more: acquire.folder=/data.",
)
def command(folder: Path, *, params: Path | None, assignments: tuple[str, ...]) -> None:
    """Make FOLDER a project of its own: a clone of this one, with other parameters, data and registry.

    `dvc repro` in it then runs the pipeline for that cohort. A FOLDER that is such a project already stays as
    it is; one of other parameters is refused.
    """
    from lungml.params import read_yaml
    from lungml.workspace import make_workspace, set_value

    changes = {} if params is None else read_yaml(params)
    for assignment in assignments:
        changes = set_value(changes, assignment)
    made = make_workspace(Path.cwd(), folder, changes)
    say(f"{folder} {'is ready' if made else 'is there, with these parameters'}; go there and run `dvc repro`")
