"""Command `promote`: make a version the champion of its task, or take that back."""

from __future__ import annotations

import click

from lungml.errors import ParamsError
from lungml.progress import say
from lungml.terms import Task


@click.command(
    help="Make a challenger the champion of TASK, if registration.gate lets it on the test nodules of both; "
    "or go back to the previous champion. Who, when and why are kept in the registry."
)
@click.argument("task", type=click.Choice([task.value for task in Task]))
@click.option("--version", type=click.IntRange(min=1), help="What to promote; default: the challenger.")
@click.option("--why", default="", help="The reason, for the record; --force and --rollback need one.")
@click.option("--force", is_flag=True, help="Promote against the gate.")
@click.option("--rollback", is_flag=True, help="Go back to the previous champion.")
def command(task: str, version: int | None, why: str, force: bool, rollback: bool) -> None:
    """Decide, or leave the decision to the gate."""
    from lungml.params import load_params
    from lungml.tracking.promotion import Wish, promote, roll_back
    from lungml.tracking.store import project_root

    if (force or rollback) and not why.strip():
        raise ParamsError("--force and --rollback need a reason: --why '...'")
    if rollback and (force or version):
        raise ParamsError("--rollback goes to the previous champion; it takes neither --version nor --force")
    if rollback:
        change = roll_back(Task(task), root=project_root(), why=why)
    else:
        gate = load_params().registration.gate
        change = promote(Task(task), gate, Wish(why, version, force), root=project_root())
    instead = "" if change.replaces is None else f" instead of version {change.replaces}"
    say(f"{Task(task).registered_model}: version {change.version} is champion{instead} ({change.gate})")
