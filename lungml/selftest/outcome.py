"""One line of the self-test: what was planted, what must be found, and what was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

NOTHING = "nothing"


@dataclass(frozen=True)
class Outcome:
    """`planted`, `expected` and `found` are words for a person."""

    name: str
    planted: str
    expected: str
    found: str
    ok: bool


def in_words(names: Iterable[str]) -> str:
    """The names in order, or that there is none."""
    return ", ".join(sorted(names)) or NOTHING
