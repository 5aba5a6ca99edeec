"""Cells of one row of a table as numbers, with what is wrong with them noted."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lungml.sources.problems import Problems


@dataclass(frozen=True)
class Cells:
    """Cells of a row by what they mean, '' where the table has no such column.

    A word in a place of a number is never repeated in a message: it could be somebody's name.
    """

    text: Mapping[str, str]
    table: str
    row: int
    problems: Problems

    def whole(self, name: str, allowed: range, missing: int) -> int:
        """A whole number; `missing` for an empty cell and, with a problem noted, for a wrong one."""
        value = self.number(name, within=lambda number: number in allowed)
        return int(value) if value in allowed else missing

    def number(
        self, name: str, *, needed: bool = False, within: Callable[[float], bool] = math.isfinite
    ) -> float:
        """A number; NaN for an empty cell and, with a problem noted, for one that cannot be read."""
        text = self.text[name]
        if not text and not needed:
            return math.nan
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.complain("LM-L005", f"{name}: {shown(text)}")
            return math.nan
        if not within(value):
            self.complain("LM-L006", f"{name} {shown(text)}")
        return value

    def complain(self, code: str, found: str) -> None:
        """Note a problem of this row."""
        self.problems.add(code, self.table, self.row, found)


def shown(text: str) -> str:
    """What a message may say of a cell that should be a number."""
    return (text if _NUMBER_LIKE.fullmatch(text) else "a word") if text else "empty"


_NUMBER_LIKE = re.compile(r"[-+0-9., eE]{1,20}|nan|inf")
