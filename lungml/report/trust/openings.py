"""How often the test part was opened for a task, and why."""

from __future__ import annotations

from collections.abc import Sequence

from lungml.report.collect import Json
from lungml.report.trust.block import Block, Grid
from lungml.report.wording import NOT_DEFINED, number
from lungml.sealing.ledger import Opening

_NO_REASON = "no reason given"


def openings_block(openings: Sequence[Opening], bundle_sha256: str) -> Block:
    """The block of a task's lines of the ledger.

    It leaves out who and when, so that the same history gives the same page.
    """
    reading = (
        "Each model that was judged on the test part is one opening, in test-ledger.jsonl with who, when and "
        "which code. Of several models that were looked at there, the best is better by luck alone; so the "
        "first opening is the one to believe, and a later one needs a reason."
    )
    if not openings:
        return Block("Openings of the test part", "The ledger has no opening of this task.", reading, "worse")
    without = sum(not opening.reason for opening in openings[1:])
    times = "once" if len(openings) == 1 else f"{len(openings)} times"
    verdict = f"The test part was opened {times} for this task." + (
        f" {without} time(s) of these again without a reason: the numbers may flatter." if without else ""
    )
    rows = [
        (
            str(number_),
            opening.bundle_sha256[:12] + (" (this one)" if opening.bundle_sha256 == bundle_sha256 else ""),
            opening.git_commit[:12] + (" (changed)" if opening.git_dirty == "true" else ""),
            opening.reason or ("the first" if number_ == 1 else _NO_REASON),
            _value(opening.metrics),
            _registered(opening.preregistered),
        )
        for number_, opening in enumerate(openings, start=1)
    ]
    header = ("opening", "model", "code", "reason", "weighted AUPRC", "registered before")
    tone = "worse" if without else "better" if len(openings) == 1 else "open"
    return Block(
        "Openings of the test part", verdict, reading, tone, [Grid("The ledger of this task", header, rows)]
    )


def _value(metrics: Json) -> str:
    value = metrics.get("weighted_auprc")
    return NOT_DEFINED if value is None else number(value)


def _registered(found: Json | None) -> str:
    if found is None:
        return "nothing"
    metric, other = found["primary_metric"], found["compared_with"]
    said = f"{metric} against {other}, policy {found['policy']}, n {found['n']}"
    deviations = found["deviations"]
    return f"{said}; does not hold: {', '.join(deviations)}" if deviations else said
