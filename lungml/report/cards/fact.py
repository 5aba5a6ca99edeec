"""One thing that a run says, and the file that says it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lungml.report.cards.sources import Sources

PARAMS = Path("params.yaml")


@dataclass(frozen=True)
class Fact:
    """A full sentence or more, and its evidence."""

    text: str
    where: Path


Finder = Callable[[Sources], Fact | None]
"""None: this run does not say."""
