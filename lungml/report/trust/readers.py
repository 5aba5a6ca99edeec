"""The model beside a reader, and under other label policies."""

from __future__ import annotations

from lungml.report.collect import Json
from lungml.report.summary import HEADLINE
from lungml.report.trust.block import Block, Grid, side, with_interval
from lungml.report.wording import NOT_DEFINED, number
from lungml.terms import Part

_NAMES = {
    "auroc": "AUROC, malignant (4, 5) or not",
    "qwk": "quadratic weighted kappa, scores 1 to 5",
}


_PARTS = {Part.TRAIN: "train", Part.VAL: "validation"}


def readers_block(trust: Json) -> Block:
    """The block of `readers`."""
    found = trust["readers"]
    known = found.get("known")
    reading = (
        "One reader, and the model, each against the other readers of the same nodules: a model that "
        f"predicts readers' scores can hardly do better than they agree. {' '.join(found['notes'])}"
    )
    more = [] if known is None else [*_beside(known, _parts(trust)), *_by_count(known, _parts(trust))]
    test = _beside(found, "test")
    if not test:
        return Block("Beside a reader", "No test nodule was scored by two readers.", reading, grids=more)
    difference = found["auroc"]["model_minus_reader"]
    words = {
        1: ("The model agrees with the readers better than one of them does with the others", "better"),
        -1: ("The model agrees with the readers less than one of them does with the others", "worse"),
        0: ("No difference between the model and a reader is shown", "open"),
    }
    said, tone = words[side(difference, 0.0)]
    verdict = f"{said}: AUROC {with_interval(difference, difference=True)}."
    return Block("Beside a reader", verdict, reading, tone, [*test, *more])


def _parts(trust: Json) -> str:
    return " and ".join(_PARTS[part] for part in trust["fitted_on"]["parts"])


def _beside(found: Json, where: str) -> list[Grid]:
    """Nothing where no nodule was scored by two readers."""
    rows = [
        (
            name,
            with_interval(found[key]["reader"]),
            with_interval(found[key]["model"]),
            with_interval(found[key]["model_minus_reader"], difference=True),
        )
        for key, name in _NAMES.items()
        if found[key] is not None
    ]
    header = ("against the other readers", "a reader", "the model", "model minus reader")
    caption = (
        f"{found['readings']} readings of {found['nodules']} {where} nodules of {found['patients']} patients"
    )
    return [Grid(caption, header, rows)] if rows else []


def _by_count(known: Json, where: str) -> list[Grid]:
    """A label of few readers says less of what the others would have said."""
    rows = [
        (row["readers"], str(row["n"]), str(row["patients"]), with_interval(found), _chance(found))
        for row in known["by_reader_count"]
        for found in [row[HEADLINE]]
    ]
    header = ("readers who scored it", "nodules", "patients", "weighted AUPRC", "chance")
    caption = f"The model on {where}, of no patient it was trained on, by how many readers made the label"
    return [Grid(caption, header, rows)]


def _chance(found: Json | None) -> str:
    return NOT_DEFINED if found is None else number(found["chance"])


def policies_block(trust: Json) -> Block:
    """The block of `policies`."""
    rows = [
        (
            row["policy"] + (" (in force)" if row["in_force"] else ""),
            str(row["n"]),
            str(row["patients"]),
            NOT_DEFINED if row["malignant"] is None else number(row["malignant"], 2),
            with_interval(row["weighted_auprc"]),
            NOT_DEFINED if row["weighted_auprc"] is None else number(row["weighted_auprc"]["chance"]),
            with_interval(row["auroc"]),
        )
        for row in trust["policies"]
    ]
    values = [row["auroc"]["value"] for row in trust["policies"] if row["auroc"] is not None]
    known = [value for value in values if value is not None]
    spread = (
        f"From {number(min(known))} to {number(max(known))} AUROC for the same answers, by the policy alone."
        if known
        else "Under no policy are two classes left."
    )
    header = ("policy", "nodules", "patients", "malignant", "weighted AUPRC", "chance", "AUROC")
    return Block(
        "Under other label policies",
        spread,
        "The same answers on the same test nodules, judged by labels that other policies make of the "
        "readers' scores (docs/data.md names them). Each row asks another question, so the rows are no "
        "ranking: results of different policies cannot be compared, here or in publications.",
        "open",
        [Grid("The model under each policy", header, rows)],
    )
