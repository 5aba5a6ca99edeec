"""Command `sync`: send to MLflow what it does not have yet."""

from __future__ import annotations

from pathlib import Path

import click

from lungml.errors import MissingInputError
from lungml.progress import say


@click.command(help="Send to MLflow what it does not have yet. Sending twice makes nothing new.")
@click.option(
    "--records",
    type=click.Path(path_type=Path),
    default=Path("reports/register"),
    show_default=True,
    help="Folder of the records that the register stage wrote.",
)
def command(records: Path) -> None:
    """Send every record; write down the version where the record does not have the right one yet."""
    from lungml.params import load_params
    from lungml.tracking.record import read_record, write_record
    from lungml.tracking.registry import register

    paths = sorted(records.glob("*.json"))
    if not paths:
        raise MissingInputError(f"no records in {records}; run `dvc repro`, whose register stages write them")
    params = load_params().registration
    outdated = False
    for path in paths:
        record, known = read_record(path)
        registration = register(record, params)
        same = (known.version, known.run_id) == (registration.version, registration.run_id)
        if not same:
            write_record(path, record, registration)
        outdated |= not same
        found = "as recorded" if same else "now recorded"
        say(f"{record.task}: {record.task.registered_model} version {registration.version}, {found}")
    if outdated:
        say("run `dvc repro` to bring the report up to date")
