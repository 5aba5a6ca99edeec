"""The expectations the suites are made of, each with the sentence that a person reads."""

from __future__ import annotations

from typing import Any

from lungml.checks.engine import gxe

WARNING = "warning"
_CRITICAL = "critical"


def between(
    column: str, limits: tuple[float, float], what: str, unit: str = "", severity: str = _CRITICAL
) -> Any:
    """Values between two limits, both allowed; missing ones are not looked at."""
    text = f"{what} is between {limits[0]:g} and {limits[1]:g} {unit}".strip()
    return gxe.ExpectColumnValuesToBeBetween(
        column=column, min_value=limits[0], max_value=limits[1], description=text, severity=severity
    )


def at_least(column: str, value: float, text: str, severity: str = _CRITICAL) -> Any:
    """Values from `value` on."""
    return gxe.ExpectColumnValuesToBeBetween(
        column=column, min_value=value, description=text, severity=severity
    )


def at_most(column: str, value: float, text: str, severity: str = _CRITICAL) -> Any:
    """Values up to `value`."""
    return gxe.ExpectColumnValuesToBeBetween(
        column=column, max_value=value, description=text, severity=severity
    )


def equal(column: str, value: Any, text: str, severity: str = _CRITICAL) -> Any:
    """The same value in every row."""
    return one_of(column, [value], text, severity)


def one_of(column: str, values: list[Any], text: str, severity: str = _CRITICAL) -> Any:
    """A value of the list in every row."""
    return gxe.ExpectColumnValuesToBeInSet(
        column=column, value_set=values, description=text, severity=severity
    )


def mostly(column: str, value: Any, share: float, text: str) -> Any:
    """The same value in at least this share of the rows."""
    return gxe.ExpectColumnValuesToBeInSet(
        column=column, value_set=[value], mostly=share, description=text, severity=_CRITICAL
    )


def unique(column: str, text: str) -> Any:
    """No value twice."""
    return gxe.ExpectColumnValuesToBeUnique(column=column, description=text)


def rows(at_least_so_many: int, text: str) -> Any:
    """A table of at least so many rows."""
    return gxe.ExpectTableRowCountToBeBetween(min_value=at_least_so_many, description=text)
