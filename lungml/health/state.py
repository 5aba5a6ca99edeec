"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How it is."""

    GOOD = "ok"
    NOTE = "note"
    BAD = "look"
    """Something that a person should do something about."""


@dataclass(frozen=True)
class Check:
    """What was looked at, how it is, and in words; `more` are lines of detail."""

    title: str
    state: State
    text: str
    more: tuple[str, ...] = ()
