"""Images that are too far from those the model was trained on."""

from __future__ import annotations

from lungml.report.collect import Json
from lungml.report.trust.block import Block, Grid, percent, side, with_interval
from lungml.report.wording import number

_ENOUGH = 0.95
_HEADER = ("how", "AUROC", "not answered")
_WHERE = {
    "validation": "validation",
    "left-out fold": "the fold that the first member left out",
    "folds of training": "each fold of train and validation beside the others",
}


def images_block(trust: Json) -> Block:
    """The block of `out_of_distribution`."""
    found = trust["out_of_distribution"]
    missed = [row["case"] for row in found["gross"] if row["auroc"] < _ENOUGH]
    noticed = (
        f"It does not tell these wrong images from right ones: {', '.join(missed)}."
        if missed
        else "It tells all grossly wrong images from right ones."
    )
    grids = [Grid("Test images made wrong", _HEADER, _rows(found["gross"]))]
    if subtle := found.get("subtle"):  # an older evaluation has none
        grids.append(Grid("Test images changed, but still CT", _HEADER, _rows(subtle)))
    return Block(
        "Images unlike those of train",
        f"The model would not answer for {with_interval(found['abstained'])} of the test images; "
        f"{percent(found['abstention'])} were wanted. {noticed}",
        "The distance of an image from those of train, in itself and in what the backbone makes of it; "
        f"beyond a threshold that was fixed on {_WHERE[found['threshold_on']]} the model should not answer. "
        "Test images made wrong on purpose show whether the distance notices: an AUROC of 1 tells all of "
        "them from right ones. Where they are only changed, as another kernel would, no AUROC is too low: it "
        "says how much such a change would be noticed.",
        "worse" if missed or side(found["abstained"], found["abstention"]) > 0 else "better",
        grids,
    )


def _rows(cases: list[Json]) -> list[tuple[str, ...]]:
    """The least noticed first."""
    return [
        (row["case"], number(row["auroc"]), percent(row["abstained"]))
        for row in sorted(cases, key=lambda row: row["auroc"])
    ]
