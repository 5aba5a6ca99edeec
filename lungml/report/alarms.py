"""What to say before any number of a project, where the report is not what is read."""

from __future__ import annotations

from pathlib import Path

from lungml.report.collect import patients_are_inferred
from lungml.report.wording import INFERRED, REOPENED
from lungml.sealing.account import without_reason
from lungml.sealing.ledger import NAME, read_openings
from lungml.terms import Task


def alarms(root: Path) -> list[str]:
    """That no patient is named in the data of a project, or that its test part was opened again.

    Raises:
        InputError: the ledger of the test part is damaged.
    """
    openings = read_openings(root / NAME)
    reopened = any(without_reason([line for line in openings if line.task == task]) for task in Task)
    said = {INFERRED: patients_are_inferred(root), REOPENED: reopened}
    return [text for text, holds in said.items() if holds]
