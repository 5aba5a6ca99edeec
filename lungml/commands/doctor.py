"""`lungml doctor`: one page about the health of installation, workspace and data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lungml.health.state import Check

_INDEX = Path("data/index")


@click.command("doctor")
@click.option(
    "--index", type=click.Path(path_type=Path, file_okay=False), help="Look only at the index in this folder."
)
def command(index: Path | None) -> None:
    """Look at the installation, the workspace, the services and the ledger of the index.

    A line for each; what begins with `look` needs a person, and then the exit code is 8.
    """
    from lungml.errors import FoundError

    bad = _print(_only(index) if index is not None else _everything(Path.cwd()))
    if bad:
        raise FoundError(f"{bad} {'thing needs' if bad == 1 else 'things need'} a look, marked `look` above")


def _only(index: Path) -> Iterator[Check]:
    from lungml.health.ledger import check_index

    yield from check_index(index)


def _everything(root: Path) -> Iterator[Check]:
    from lungml.health.installation import check_installation
    from lungml.health.services import check_services
    from lungml.health.state import Check, State
    from lungml.health.workspace import check_workspace

    yield from check_installation(root)
    yield from check_workspace(root)
    yield from check_services(root)
    if (root / _INDEX / "summary.json").is_file():
        yield from _only(root / _INDEX)
    else:
        yield Check("index", State.NOTE, f"no index in {_INDEX} yet; `dvc repro index` makes it")


def _print(checks: Iterable[Check]) -> int:
    """Print each, and count those that need a look."""
    from lungml.health.state import State

    bad = 0
    for check in checks:
        bad += check.state is State.BAD
        click.echo(f"{check.state.value:<5} {check.title:<11} {check.text}")
        for line in check.more:
            click.echo(f"{'':18}{line}")
    return bad
