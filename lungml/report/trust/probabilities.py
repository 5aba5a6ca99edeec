"""Calibration, and what acting on the probabilities is worth."""

from __future__ import annotations

from lungml.report.collect import Json
from lungml.report.trust.block import Block, Grid, side, with_interval
from lungml.report.wording import NOT_DEFINED, number


def calibration_block(trust: Json) -> Block:
    """The block of `calibration`."""
    found = trust["calibration"]
    raw, chosen = found["ways"]["as trained"], found["chosen"]
    repaired = "" if chosen == "as trained" else f" Repaired with {chosen}: {_state(found['ways'][chosen])}"
    reading = (
        "On the diagonal, what is stated comes true. The slope is 1 and the intercept 0 for a calibrated "
        "model; a slope below 1 is over-confidence. The calibration error is never 0, so it stands beside "
        "what a perfectly calibrated model would show. All repairs were fitted on validation, and which one "
        "is used was decided there too, by the Brier score over folds of patients."
    )
    rows = [
        (
            name + (" (used)" if name == chosen else ""),
            number(found["brier_on_validation"][name]),
            number(way["brier"]),
            number(way["ece"]),
            number(way["ece_null_high"]),
            with_interval(way["slope"]),
            with_interval(way["intercept"]),
            number(way["brier_of_malignant"]["discrimination"]),
            number(way["brier_of_malignant"]["miscalibration"]),
        )
        for name, way in found["ways"].items()
    ]
    return Block(
        "Calibration",
        f"As trained: {_state(raw)}{repaired}",
        reading,
        "worse" if found["ways"][chosen]["flagged"] else "open",
        [Grid("Ways to repair probabilities, on test", _WAYS, rows)],
        "reliability",
    )


_WAYS = (
    "probabilities",
    "Brier on validation",
    "Brier on test",
    "calibration error",
    "of that by chance up to",
    "slope",
    "intercept",
    "discrimination",
    "miscalibration",
)


def decision_block(trust: Json) -> Block:
    """The block of `decision`."""
    found = trust["decision"]
    useful = found["useful"]
    where = ", ".join(f"{threshold:g}" for threshold in useful)
    verdict = (
        f"Acting on the model is shown to be worth more than acting on everyone or no one at {where}."
        if useful
        else "Acting on the model is nowhere shown to be worth more than acting on everyone or no one."
    )
    return Block(
        "Decision curve",
        verdict,
        "Where one would act from a probability on, the net benefit counts the malignant nodules acted on, "
        "less the benign ones, each weighted by the odds of that probability. The model is worth using where "
        f"its curve is above both others. Probabilities: {found['calibrated']}.",
        "better" if useful else "open",
        [],
        "decision",
    )


def _state(way: Json) -> str:
    slope = side(way["slope"], 1.0)
    kind = {-1: "over-confident", 1: "under-confident", 0: "no wrong slope is shown"}[slope]
    stated = "" if way["slope"]["value"] is None else f" (slope {with_interval(way['slope'])})"
    often = {-1: ", says malignant too often", 1: ", says malignant too rarely", 0: ""}
    error = "more than chance" if way["flagged"] else "what chance explains"
    return (
        f"{kind}{stated}{often[side(way['intercept'], 0.0)]}; the calibration error of "
        f"{number(way['ece']) or NOT_DEFINED} is {error}."
    )
