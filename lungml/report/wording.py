"""The report's sentences. They say what was measured and no more: a rating by readers, never a disease."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lungml.report.collect import Json
from lungml.report.summary import HEADLINE, number_of
from lungml.sealing.account import FLATTERED
from lungml.terms import Target, Task, View

MINUS = "\N{MINUS SIGN}"

NOT_DEFINED = "not defined"

RATING = (
    "These models predict the readers' malignancy rating of a nodule, never cancer. Not for clinical use."
)
PHANTOM = (
    "The data are synthetic phantoms: the numbers show that the pipeline works, and nothing about patients."
)
RANDOM = "The backbones started from random weights, without pretraining, so expect less than they can do."
PERMUTED = (
    "The labels were shuffled between patients (labels.permute_seed): a negative control, not a result."
)
INFERRED = (
    "No patient is named in these data: patients were inferred from slices that are the same or nearly so, "
    "and the split is only as good as that."
)
REOPENED = (
    "The test part was opened again, for other models than the first and without a reason, so the numbers on "
    f"it may flatter. {FLATTERED}. Each task says how often it was opened."
)
FAILED_CHECKS = "The data contract does not hold: see Checks below before you believe any number."

_TASK_NAMES = {
    View.NODULE: "Nodule crop",
    View.SLICE: "Whole slice",
    Target.BINARY: "benign or malignant",
    Target.FIVE: "five-point score",
}

METRIC_NAMES = {
    "weighted_auprc": "Weighted AUPRC",
    "macro_auprc": "Macro AUPRC",
    "auprc_benign": "AUPRC of benign",
    "auprc_malignant": "AUPRC of malignant",
    **{f"auprc_{score}": f"AUPRC of score {score}" for score in range(1, 6)},
    "auroc": "AUROC",
    "f1_weighted": "Weighted F1",
    "f1_macro": "Macro F1",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "mcc": "Matthews correlation",
    "qwk": "Quadratic weighted kappa",
    "spearman": "Spearman correlation",
    "within_one": "Share within one class",
    "mae": "Mean absolute error",
    "mae_macro": "Macro mean absolute error",
    "brier": "Brier score",
    "calibration_slope": "Calibration slope",
    "calibration_intercept": "Calibration intercept",
}
"""Metric -> its name in the report, in the order of the report."""

BASELINE_NAMES = {
    "majority": ("Always the most frequent class", ""),
    "prevalence": ("Class shares", "of train and validation, the same answer for all"),
    "diameter": ("Diameter alone", "the readers' diameter, no image"),
    "diameter_hu": ("Diameter and HU", "and mean and deviation of HU inside the nodule"),
    "metadata": ("The file's metadata", "manufacturer, model, kernel, thickness, row; no image"),
    "mask_out": ("View without the nodule", "its pixels filled from around it, 8 x 8 fields"),
    "background": ("Rim of the view", "the outermost of these fields"),
    "random_features": ("Random features", "of a network that has learnt nothing"),
    "frozen_features": ("Pretrained features, frozen", "nothing trained but a logistic regression"),
}
"""Baseline -> its name and what it sees, in the order of the report."""

STAGE_NAMES = {
    "evaluate": "On the test part",
    "explain": "Where the model looks",
    "screen": "Screening of backbones",
    "tune": "Hyper-parameter search",
    "finetune": "Training",
}
"""Stage with figures -> heading, in the order of the report."""

CAPTIONS = {
    (
        "evaluate",
        "precision_recall",
    ): "The higher the curve, the better; a curve on the chance line has learnt "
    "nothing about that class, and the line is as high as the class is common.",
    ("evaluate", "roc"): "The nearer to the upper left corner, the better; the diagonal is guessing.",
    ("evaluate", "calibration"): "On the diagonal, a stated probability is the share of right answers; below "
    "it the model is over-confident.",
    ("evaluate", "confusion"): "Rows are the readers' class, columns the model's; the diagonal is right, and "
    "neighbouring columns are small mistakes of an ordered scale.",
    ("evaluate", "risk_coverage"): "The lower on the left, the more the model knows which of its answers are "
    "unsure.",
    ("evaluate", "reliability"): "On the diagonal, a stated probability of malignant comes true; bars are "
    "intervals by patients.",
    ("evaluate", "decision"): "Where the blue curve is above both other lines, acting on the model does the "
    "most good; the band is its interval.",
    ("evaluate", "subgroups"): "Long bars are small groups; the square is the group most surely worse than "
    "the others.",
    (
        "finetune",
        "learning_curve",
    ): "Validation should rise and level off; a growing gap to training means the "
    "model learns its training nodules by heart. The dashed line is the epoch that was kept.",
    (
        "tune",
        "history",
    ): "Each point is one trial on validation; a rise that goes on to the right end says that "
    "more trials may still help.",
    ("screen", "heatmap"): "Brighter is better; a star marks the cells that cannot be told from the best, so "
    "choosing among them is a matter of taste and cost.",
    (
        "screen",
        "curve",
    ): "A backbone helps where its curve is above both lines; where intervals overlap widely, "
    "the order of the curves means little.",
    ("explain", "gallery"): "Bright is where the image moved the model's answer; the outline is the readers' "
    "nodule. A map can look right for a model that is wrong, so it is a hint, not evidence.",
}
"""(stage, file stem) -> how to read the figure."""

OUTLIER_CAPTION = (
    "Each point is a nodule, and neighbours look alike to the backbone; distances between groups mean "
    "nothing. Look at the numbered ones first. If points gather by part or scanner, the split or the images "
    "differ."
)


def task_name(task: Task) -> str:
    """Say the task in plain words."""
    return f"{_TASK_NAMES[task.view]}, {_TASK_NAMES[task.target]}"


def caption(stage: str, stem: str) -> str:
    """How to read a figure; one that is not known is named after its file."""
    return CAPTIONS.get((stage, stem), f"Figure {stem.replace('_', ' ')} of the stage {stage}.")


def in_reading_order(stage: str, figures: list[Path]) -> list[Path]:
    """Sort a stage's figures as `CAPTIONS` has them; those it does not know come last."""
    known = [stem for group, stem in CAPTIONS if group == stage]
    return sorted(figures, key=lambda path: known.index(path.stem) if path.stem in known else len(known))


def warnings(
    *,
    phantom: bool,
    weights: Iterable[str],
    permuted: bool,
    checks_hold: bool,
    patients_inferred: bool,
    reopened: bool,
) -> list[str]:
    """What a reader must know before any number; guessed patients first, then the gravest."""
    said = {
        INFERRED: patients_inferred,
        FAILED_CHECKS: not checks_hold,
        REOPENED: reopened,
        PERMUTED: permuted,
        PHANTOM: phantom,
        RANDOM: any(weight.startswith("random") for weight in weights),
        RATING: True,
    }
    return [text for text, holds in said.items() if holds]


def verdict(metrics: Json) -> str:
    """Say in one sentence if the model is better than the diameter alone, by weighted AUPRC on test.

    A difference is called one only if its interval excludes 0.
    """
    if not _with_diameter(metrics):
        return _NO_DIAMETER
    return f"{_against_diameter(metrics['model_minus_diameter'])}{_diameters_known(metrics)}"


def cross_validation(found: Json | None) -> str:
    """What a model of several folds reaches out of fold, beside the diameter there; "" for other models."""
    if found is None:
        return ""
    reached = {name: _with_interval(number_of(found[name], HEADLINE)) for name in ("raw", "tta")}
    raw = (
        f"Cross-validated on {found['n']} nodules of {found['patients']} patients of train and validation, "
        f"each by members that saw nothing of its patient: weighted AUPRC {reached['raw']}."
    )
    tta = f"With test-time views {reached['tta']}."
    if not _with_diameter(found):
        return f"{raw} {tta} {_NO_DIAMETER}"
    return (
        f"{raw} {_against_diameter(found['raw_minus_diameter'])} "
        f"{tta} {_against_diameter(found['tta_minus_diameter'])}{_diameters_known(found)}"
    )


_NO_DIAMETER = "No diameter is known, so it cannot be said if the model uses more than size."


def _with_diameter(found: Json) -> int:
    return int(found.get("with_diameter", found["n"]))


def _diameters_known(found: Json) -> str:
    known, n = _with_diameter(found), found["n"]
    return "" if known == n else f" A diameter is known of {known} of {n} nodules."


def _with_interval(found: Json) -> str:
    if found["low"] is None:
        return number(found["value"])
    return f"{number(found['value'])} ({number(found['low'])} to {number(found['high'])})"


def _against_diameter(differences: Json) -> str:
    found = number_of(differences, HEADLINE)
    value, low, high = found["value"], found["low"], found["high"]
    if value is None or low is None or high is None:
        return "Too few patients to compare with diameter alone."
    if low > 0:
        return f"Beats diameter alone by {number(value)} ({number(low)} to {number(high)})."
    if high < 0:
        return f"Worse than diameter alone by {number(-value)} ({number(-high)} to {number(-low)})."
    return f"No difference from diameter alone shown: {signed(value)} ({signed(low)} to {signed(high)})."


def beats_chance(metrics: Json) -> str:
    """Say in one sentence if the model is better than chance."""
    found = number_of(metrics["raw"], HEADLINE)
    low, high, chance = found["low"], found["high"], found["chance"]
    if low is None or high is None or chance is None:
        return "Too few patients to compare with chance."
    if low > chance:
        return "Above chance."
    return "Below chance." if high < chance else "Not shown to be above chance."


def comparison_note(comparisons: Json) -> str:
    """How the gains of the short table were tested."""
    others = sum(row["p"] is not None for row in comparisons["rows"].values()) - 1
    return (
        "Gain: weighted AUPRC of the model minus that of the row, with its interval from "
        f"{comparisons['replicates']:,} draws of patients. The comparison with diameter alone was fixed "
        f"beforehand; the words on the others allow for their being {max(others, 0)} (Holm). Baselines are "
        "logistic regressions fitted on train and validation."
    )


def power(comparisons: Json) -> str:
    """Say which difference such a test part could have shown at all."""
    smallest = comparisons["rows"][comparisons["primary"]]["smallest"]
    if smallest is None:
        return "Too few patients to say which difference could be shown."
    return (
        f"With these patients, a gain over diameter alone of {number(smallest)} or more is shown with a "
        f"chance of {comparisons['power']:.0%}; a smaller one may be there and remain unseen."
    )


def number(value: float | None, digits: int = 3) -> str:
    """A number for people: fixed decimals, a true minus sign."""
    return NOT_DEFINED if value is None else f"{value:.{digits}f}".replace("-", MINUS)


def signed(value: float | None) -> str:
    """A difference: always with its sign."""
    return NOT_DEFINED if value is None else f"{value:+.3f}".replace("-", MINUS)
