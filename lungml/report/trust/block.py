"""What a block of the page is made of, and how its numbers are written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from lungml.report.collect import Json
from lungml.report.wording import NOT_DEFINED, number, signed


@dataclass(frozen=True)
class Grid:
    """A table of text; the first cell of a row is its head."""

    caption: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True)
class Block:
    """One question: what was found first, then how to read it."""

    title: str
    verdict: str
    reading: str
    tone: str = "open"
    """better, worse or open."""
    grids: list[Grid] = field(default_factory=list)
    figure: str | None = None
    """Stem of a figure of the stage evaluate."""


def with_interval(found: Json | None, *, difference: bool = False) -> str:
    """A value as `0.769 (0.625 to 0.841)`."""
    if found is None or found["value"] is None:
        return NOT_DEFINED
    write = signed if difference else number
    if found["low"] is None or found["high"] is None:
        return write(found["value"])
    return f"{write(found['value'])} ({write(found['low'])} to {write(found['high'])})"


def of_how_many(found: Json) -> str:
    """A share with the cases it is a share of."""
    return f"{with_interval(found)} of {found['n']}"


def percent(value: float) -> str:
    """A share for people: whole percents, below ten with one significant digit more."""
    return f"{100 * value:.0f} %" if value >= 0.1 or not value else f"{100 * value:.2g} %"


def side(found: Json, centre: float) -> int:
    """1 if an interval is above `centre`, -1 if below, 0 if it holds it or is not defined."""
    if found["low"] is None or found["high"] is None:
        return 0
    return int(found["low"] > centre) - int(found["high"] < centre)
