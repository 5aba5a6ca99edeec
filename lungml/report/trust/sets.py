"""Prediction sets and selective answers."""

from __future__ import annotations

from lungml.report.collect import Json
from lungml.report.trust.block import Block, Grid, of_how_many, percent, side, with_interval
from lungml.report.wording import number


def sets_block(trust: Json) -> Block:
    """The block of `conformal`."""
    found = trust["conformal"]
    promised = 1 - found["miscoverage"]
    reading = (
        f"Instead of one class, a set of classes that holds the right one for at least {percent(promised)} "
        "of the nodules of each class of new patients, whatever the model is worth (class-conditional "
        "conformal prediction, calibrated by patients). A weak model keeps the promise with large sets; a "
        "class with too few patients in validation is in every set. An empty set says that the nodule is "
        "like none."
    )
    rows = [
        (
            row["class"],
            str(row["calibrated_on_patients"]),
            number(row["bound"]) if row["bound"] > 0 else "in every set",
            of_how_many(row["covered"]),
        )
        for row in found["classes"]
    ]
    short = any(side(row["covered"], promised) < 0 for row in found["classes"])
    return Block(
        "Prediction sets",
        f"The sets hold the right class of {with_interval(found['covered'])} of the test nodules, with "
        f"{number(found['mean_size'], 2)} classes in a set on average. {_sizes(found['sizes'])}",
        reading,
        "worse" if short else "open",
        [
            Grid(
                "By class",
                ("class", "patients calibrated on", "lowest probability to be in", "held on test"),
                rows,
            )
        ],
    )


def selective_block(trust: Json) -> Block:
    """The block of `selective`."""
    found = trust["selective"]
    rows = [
        (
            percent(point["abstained_on_validation"]),
            number(point["threshold"]),
            with_interval(point["answered"]),
            of_how_many(point["wrong"]),
        )
        for point in found["points"]
    ]
    return Block(
        "Leaving unsure nodules to a person",
        f"Area under the curve of errors {number(found['area'])}; a confidence that says nothing would give "
        f"{number(found['area_without_order'])}.",
        "From left to right the model answers for more and more nodules, the surest first; the lower the "
        "curve on the left, the more its confidence is worth. Bars are at thresholds that were fixed on "
        "validation.",
        "open",
        [
            Grid(
                "Abstaining on test",
                ("left to a person on validation", "confidence needed", "answered", "wrong among them"),
                rows,
            )
        ],
        "risk_coverage",
    )


def _sizes(shares: list[float]) -> str:
    words = [
        f"{percent(share)} hold {'none' if size == 0 else size}" for size, share in enumerate(shares) if share
    ]
    return f"Of the sets, {', '.join(words)}."
