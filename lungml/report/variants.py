"""The variants of a model side by side, for its part of the report."""

from __future__ import annotations

from dataclasses import dataclass

from lungml.report.collect import Json
from lungml.report.summary import HEADLINE, number_of

_BESIDE_HEADLINE = ("qwk", "auroc")
"""The first of these that was measured is shown too."""


@dataclass(frozen=True)
class Variants:
    """`rows`: name of a variant, and for each of `metrics` its value and the difference to `unchanged`."""

    metrics: list[str]
    unchanged: str | None
    rows: list[tuple[str, list[tuple[Json, Json]]]]


def variants_of(training: Json | None) -> Variants | None:
    """What the training says of each variant, with test-time views; None if it has only one."""
    by_variant: Json = (training or {}).get("by_variant", {})
    if training is None or not by_variant:
        return None
    measured = next(iter(by_variant.values()))["tta"]
    metrics = [HEADLINE, *[name for name in _BESIDE_HEADLINE if name in measured][:1]]
    rows: list[tuple[str, list[tuple[Json, Json]]]] = [
        (
            name,
            [
                (number_of(found["tta"], metric), number_of(found.get("tta_minus_unchanged", {}), metric))
                for metric in metrics
            ],
        )
        for name, found in by_variant.items()
    ]
    return Variants(metrics, training["unchanged"], rows)
