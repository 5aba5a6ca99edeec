"""The numbers of `metrics.json`: the model raw and with test-time views, its baselines, and what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from numpy.typing import ArrayLike

from lungml.evaluation.bootstrap import Resampled, draw_patients, resample
from lungml.evaluation.calibration import (
    brier,
    calibration_error,
    fit_temperature,
    null_error,
    with_temperature,
)
from lungml.evaluation.comparison import POWER, compare, holm, in_words
from lungml.evaluation.delong import delong
from lungml.evaluation.intervals import Jackknife, clustered_interval, jackknife
from lungml.evaluation.metrics import HEADLINE, Measure, measure
from lungml.evaluation.tally import Cases
from lungml.params.evaluation import EvaluateParams

PRIMARY = "diameter"
"""The baseline that the model must beat; the verdict is about it."""

SUSPECT = 0.6
"""Area under the ROC curve above which metadata are said to tell the label."""

Values = dict[str, dict[str, float | None]]
"""Metric -> {value, low, high, ...}; null where one is not defined."""


@dataclass(frozen=True)
class Judged:
    """A model's answers on the test part and what they are worth."""

    cases: Cases
    measures: dict[str, Measure]
    left_out: Jackknife


def judge(cases: Cases, patient_ids: ArrayLike) -> Judged:
    """Measure a model on its cases (N), and with each patient left out."""
    return Judged(cases, measure(cases), jackknife(cases, patient_ids))


def values_of(judged: Judged, confidence: float) -> Values:
    """Each metric: value, low, high, chance, skill."""
    return {
        name: asdict(clustered_interval(judged.left_out, name, confidence)) | asdict(found)
        for name, found in judged.measures.items()
    }


def compared(
    model: Judged,
    tta: Judged,
    baselines: Mapping[str, Judged],
    patient_ids: ArrayLike,
    params: EvaluateParams,
) -> dict[str, Any]:
    """The model against its test-time views, the diameter and all baselines, on the same drawn patients.

    Returns:
        `tta_minus_raw` and `model_minus_diameter`, every metric; `comparisons`, see `_family`;
        `metadata_tell_the_label`, whether their AUROC is above `SUSPECT`.
    """
    draws = draw_patients(patient_ids, params.replicates, params.seed)
    raw, turned = resample(model.cases, draws), resample(tta.cases, draws)
    rows = {
        name: resample(judged.cases, draws, None if name == PRIMARY else (HEADLINE,))
        for name, judged in baselines.items()
    }
    return {
        "tta_minus_raw": differences(turned, raw, params.confidence),
        "model_minus_diameter": differences(raw, rows[PRIMARY], params.confidence),
        "comparisons": _family(raw, rows, params),
        "metadata_tell_the_label": _tells_the_label(baselines.get("metadata")),
    }


def differences(first: Resampled, second: Resampled, confidence: float) -> Values:
    """Each metric of `first` minus that of `second`: value, low, high."""
    return {name: compare(first, second, name, confidence).interval for name in first.whole}


def _family(model: Resampled, baselines: Mapping[str, Resampled], params: EvaluateParams) -> dict[str, Any]:
    """The model minus each baseline in the headline, with p-values and what they allow to say.

    The comparison with `PRIMARY` is the one that was fixed beforehand, so its p-value stands as it is; those
    of the others are a family and corrected by Holm.
    """
    found = {name: compare(model, row, HEADLINE, params.confidence) for name, row in baselines.items()}
    corrected = holm({name: each.p for name, each in found.items() if name != PRIMARY})
    corrected[PRIMARY] = found[PRIMARY].p
    return {
        "metric": HEADLINE,
        "primary": PRIMARY,
        "replicates": params.replicates,
        "power": POWER,
        "rows": {
            name: asdict(each)
            | {
                "p_corrected": corrected[name],
                "words": in_words(each.value, corrected[name], params.confidence),
                "delong": _delong(model.cases, baselines[name].cases),
            }
            for name, each in found.items()
        },
    }


def _tells_the_label(judged: Judged | None) -> bool:
    area = None if judged is None else judged.measures["auroc"].value
    return area is not None and area > SUSPECT


def _delong(first: Cases, second: Cases) -> dict[str, float | None] | None:
    """Difference of two areas under the ROC curve with DeLong's p-value, which ignores clustering."""
    if first.classes != 2 or min(first.malignant.sum(), (~first.malignant).sum()) < 2:
        return None
    found = delong(first.malignant, first.probabilities[:, 1], second.probabilities[:, 1])
    return {"auroc_difference": found.first - found.second, "p": found.p}


def calibration_of(val: Cases, test: Cases, params: EvaluateParams) -> dict[str, Any]:
    """Brier score and calibration error on test, as trained and with a temperature fitted on validation."""
    temperature = fit_temperature(val)
    return {
        "raw": _calibration(test, params),
        "temperature": temperature,
        "scaled": _calibration(with_temperature(test, temperature), params),
        "bins": params.calibration_bins,
    }


def _calibration(cases: Cases, params: EvaluateParams) -> dict[str, float]:
    bins = params.calibration_bins
    null = null_error(cases, bins, draws=params.null_draws, seed=params.seed)
    return {
        "brier": brier(cases),
        "ece": calibration_error(cases, bins),
        "ece_null_mean": null.mean,
        "ece_null_high": null.high,
    }
