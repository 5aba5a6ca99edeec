"""The numbers of `trust.json` that are worth following from run to run, flat, for `dvc metrics`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lungml.report.collect import Json
from lungml.sealing.account import without_reason
from lungml.sealing.ledger import Comparison, Opening


def trust_numbers(
    trust: Json | None, openings: Sequence[Opening], comparisons: Sequence[Comparison]
) -> dict[str, Any]:
    """Flat numbers; only how often the test part was looked at without `trust.json`."""
    numbers: dict[str, Any] = {
        "test_openings": len(openings),
        "test_openings_without_reason": without_reason(openings),
        "test_comparisons": len(comparisons),
    }
    if trust is None:
        return numbers
    for point in trust["operating_points"] or []:
        for name in ("sensitivity", "specificity"):
            numbers[f"{name}_at_{point['wanted_sensitivity']:g}"] = point[name]["value"]
    ways, chosen = trust["calibration"]["ways"], trust["calibration"]["chosen"]
    worst, compared = trust["subgroups"]["worst"], trust["readers"]["auroc"]
    return numbers | {
        "calibration_slope": ways["as trained"]["slope"]["value"],
        "calibration_slope_repaired": ways[chosen]["slope"]["value"],
        "sets_cover": trust["conformal"]["covered"]["value"],
        "sets_mean_size": trust["conformal"]["mean_size"],
        "worst_group_auroc": worst and worst["auroc"]["value"],
        "minus_reader_auroc": compared and compared["model_minus_reader"]["value"],
        "images_abstained": trust["out_of_distribution"]["abstained"]["value"],
    }
