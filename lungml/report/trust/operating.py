"""Thresholds fixed on validation, and what they do on test."""

from __future__ import annotations

from lungml.report.collect import Json
from lungml.report.trust.block import Block, Grid, of_how_many, percent, side, with_interval
from lungml.report.wording import number

_SHARES = ("sensitivity", "specificity", "ppv", "npv", "flagged")
_PREDICTIVE = ("ppv", "npv")


def operating_block(trust: Json) -> Block:
    """The block of `operating_points`."""
    points = trust["operating_points"]
    reading = (
        "Each threshold was fixed on validation so that the wanted share of the malignant nodules is found "
        "there; the table says what it does on test, where nothing was fixed. Predictive values depend on "
        "how common malignant nodules are, so they stand for this study and for the share named."
    )
    if not points:
        return Block("Operating points", "No threshold: validation holds no malignant nodule.", reading)
    first = points[0]
    return Block("Operating points", _verdict(first), reading, _tone(first), [_grid(points)])


def _verdict(point: Json) -> str:
    found = point["sensitivity"]
    kept = {
        0: "The wanted share lies within the interval.",
        1: "That is more than wanted.",
        -1: "That is less than wanted: the threshold did not carry over.",
    }[side(found, point["wanted_sensitivity"])]
    return (
        f"The threshold for a sensitivity of {point['wanted_sensitivity']:g} finds {with_interval(found)} of "
        f"the malignant nodules of test, with a specificity of {with_interval(point['specificity'])}. {kept}"
    )


def _tone(point: Json) -> str:
    return "worse" if side(point["sensitivity"], point["wanted_sensitivity"]) < 0 else "open"


def _grid(points: list[Json]) -> Grid:
    elsewhere = percent(points[0]["at_prevalence"]["prevalence"])
    header = (
        "wanted sensitivity",
        "threshold",
        "sensitivity",
        "specificity",
        "positive predictive value",
        "negative predictive value",
        "called malignant",
        f"positive predictive value at {elsewhere}",
        f"negative predictive value at {elsewhere}",
    )
    rows = [
        (
            f"{point['wanted_sensitivity']:g}",
            number(point["threshold"]),
            *(of_how_many(point[name]) for name in _SHARES),
            *(with_interval(point["at_prevalence"][name]) for name in _PREDICTIVE),
        )
        for point in points
    ]
    return Grid("Thresholds on test", header, rows)
