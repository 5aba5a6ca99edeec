"""What a reader must be told beside a number; the terminal and the report say it in the same words."""

from __future__ import annotations

from collections.abc import Mapping

_GUESSING = 0.5
"""AUROC of an answer that says nothing."""


def metadata_warning(auroc: Mapping[str, float | None]) -> str:
    """Say that the label can, or might, be told without looking at the image.

    Args:
        auroc: value, low and high of the baseline that sees metadata alone; low and high may not be known.
    """
    value, low, high = (_number(auroc[part]) for part in ("value", "low", "high"))
    interval = "" if auroc["low"] is None else f" ({low} to {high})"
    shown = auroc["low"] is not None and auroc["low"] > _GUESSING
    tell = "tell" if shown else "might tell (these patients are too few to say)"
    return (
        f"The file's metadata alone reach an AUROC of {value}{interval}: scanner, kernel, thickness or row "
        f"{tell} the label, so a model may have learnt them and not the nodule."
    )


def _number(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"
