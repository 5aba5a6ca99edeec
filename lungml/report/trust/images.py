"""Images that are too far from those the model was trained on."""

from __future__ import annotations

from lungml.report.collect import Json
from lungml.report.trust.block import Block, Grid, percent, side, with_interval
from lungml.report.wording import number

_ENOUGH = 0.95


def images_block(trust: Json) -> Block:
    """The block of `out_of_distribution`."""
    found = trust["out_of_distribution"]
    missed = [row["case"] for row in found["gross"] if row["auroc"] < _ENOUGH]
    noticed = (
        f"It does not tell these wrong images from right ones: {', '.join(missed)}."
        if missed
        else "It tells all grossly wrong images from right ones."
    )
    rows = [
        (row["case"], number(row["auroc"]), percent(row["abstained"]))
        for row in sorted(found["gross"], key=lambda row: row["auroc"])
    ]
    return Block(
        "Images unlike those of train",
        f"The model would not answer for {with_interval(found['abstained'])} of the test images; "
        f"{percent(found['abstention'])} were wanted. {noticed}",
        "The distance of an image from those of train, in what the backbone makes of it at three depths; "
        "beyond a threshold that was fixed on validation the model should not answer. Test images made wrong "
        "on purpose show whether the distance notices: an AUROC of 1 tells all of them from right ones.",
        "worse" if missed or side(found["abstained"], found["abstention"]) > 0 else "better",
        [Grid("Test images made wrong", ("how", "AUROC", "not answered"), rows)],
    )
