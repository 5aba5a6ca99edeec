"""The numbers of `trust.json` that are worth following from run to run, flat, for `dvc metrics`."""

from __future__ import annotations

from typing import Any

from lungml.report.collect import Json


def trust_numbers(trust: Json | None, openings: int) -> dict[str, Any]:
    """Flat numbers; only the openings of the test part without `trust.json`."""
    numbers: dict[str, Any] = {"test_openings": openings}
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
