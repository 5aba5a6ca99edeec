"""How often the test part was opened for a task, and why."""

from __future__ import annotations

from collections.abc import Sequence

from lungml.report.collect import Json
from lungml.report.trust.block import Block, Grid
from lungml.report.wording import NOT_DEFINED, number
from lungml.sealing.account import FLATTERED, account, are_first, without_reason
from lungml.sealing.ledger import Comparison, Opening, Purpose

_NO_REASON = "no reason given"


def openings_block(
    openings: Sequence[Opening], comparisons: Sequence[Comparison], bundle_sha256: str
) -> Block:
    """The block of a task's lines of the ledger.

    It leaves out who and when, so that the same history gives the same page.
    """
    reading = (
        "Each model that was judged on the test part is one opening, in test-ledger.jsonl with who, when and "
        f"which code. {FLATTERED}; so the first opening is the one to believe, and "
        "a later one needs a reason. Comparing saved answers chooses by the test part too."
    )
    grids = [*_opened(openings, bundle_sha256), *_compared(comparisons)]
    verdict = account(openings, comparisons)
    return Block("Openings of the test part", verdict, reading, _tone(openings), grids)


def _tone(openings: Sequence[Opening]) -> str:
    if not openings or without_reason(openings):
        return "worse"
    return "better" if len(openings) == 1 else "open"


def _opened(openings: Sequence[Opening], bundle_sha256: str) -> list[Grid]:
    rows = [
        (
            str(number_),
            opening.bundle_sha256[:12] + (" (this one)" if opening.bundle_sha256 == bundle_sha256 else ""),
            opening.git_commit[:12] + (" (changed)" if opening.git_dirty == "true" else ""),
            opening.reason or ("the first" if first else _NO_REASON),
            _value(opening.metrics),
            _registered(opening.preregistered),
        )
        for number_, (opening, first) in enumerate(zip(openings, are_first(openings), strict=True), start=1)
    ]
    header = ("opening", "model", "code", "reason", "weighted AUPRC", "registered before")
    return [Grid("The ledger of this task", header, rows)] if rows else []


def _compared(comparisons: Sequence[Comparison]) -> list[Grid]:
    rows = [
        (
            " and ".join(sha256[:12] for sha256 in line.compared),
            _PURPOSES[line.purpose],
            line.git_commit[:12] + (" (changed)" if line.git_dirty == "true" else ""),
            line.reason or _NO_REASON,
        )
        for line in comparisons
    ]
    return [Grid("Saved answers compared", ("models", "for", "code", "reason"), rows)] if rows else []


_PURPOSES: dict[Purpose, str] = {"comparison": "a person who compared runs", "gate": "the promotion gate"}


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
