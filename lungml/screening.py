"""Which frozen embedding tells the classes apart: linear probes with patient-grouped cross-validation.

A probe is a standardisation, a principal component analysis and a logistic regression with balanced
classes, all fitted in the fold. Its value is measured on the out-of-fold probabilities of all nodules
together, once per repeat, and averaged over repeats: in one fold the rare classes have too few cases for an
honest average precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kendalltau
from scipy.stats import t as student
from sklearn.linear_model import LogisticRegression

from lungml.errors import InputError
from lungml.evaluation.intervals import Interval, clustered_interval, jackknife
from lungml.evaluation.metrics import METRICS
from lungml.evaluation.tally import Cases, tally
from lungml.params.model import ScreenParams
from lungml.splits import assign_folds

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

METRIC_NAMES = ("weighted_auprc", "balanced_accuracy")
_CONFIDENCE = 0.95
FIELDS = 8
"""Fields along each side of a coarse image."""


@dataclass(frozen=True, order=True)
class Cell:
    """A backbone, and the share of its ordered layer groups that stay frozen below the probe."""

    backbone: str
    depth: float


@dataclass(frozen=True)
class Cohort:
    """The nodules probes are fitted and judged on; none of them is in the test part."""

    labels: IntArray
    """(N,): class index, 0 to classes - 1."""
    patients: NDArray[np.str_]
    """(N,)."""
    classes: int


@dataclass(frozen=True)
class Verdict:
    """What a probe reaches."""

    metrics: Mapping[str, Interval]
    """One for each of `METRIC_NAMES`."""
    by_fold: FloatArray
    """(repeats x folds,): weighted AUPRC of each fold, for paired comparison only."""
    by_repeat: FloatArray
    """(repeats,): weighted AUPRC of each repeat."""


def draw_folds(cohort: Cohort, params: ScreenParams) -> IntArray:
    """Draw (repeats, N) patient-grouped folds, the same for all cells so that they can be compared in pairs.

    Raises:
        InputError: fewer patients than folds, or fewer than two classes.
    """
    patients, classes = len(np.unique(cohort.patients)), len(np.unique(cohort.labels))
    if patients < params.folds or classes < 2:
        raise InputError(
            f"screening: {patients} patients with {classes} classes in train and validation, expected at "
            f"least {params.folds} (screen.folds) and 2; take more patients (acquire)"
        )
    labels = pd.DataFrame({"label": cohort.labels})
    seeds = range(params.seed, params.seed + params.repeats)
    folds = [assign_folds(cohort.patients, labels, folds=params.folds, seed=seed) for seed in seeds]
    return np.stack(folds).astype(np.int64)


def judge(features: FloatArray, cohort: Cohort, folds: IntArray, params: ScreenParams) -> Verdict:
    """Probe `features` (N, D) on `folds` (repeats, N) and measure what comes out.

    The interval is that of `clustered_interval` (each patient left out in turn) for the mean over repeats.
    How much other training nodules would change the probe is not in it.
    """
    judged = [Cases(cohort.labels, _out_of_fold(features, cohort, fold, params)) for fold in folds]
    parts = [jackknife(cases, cohort.patients, METRIC_NAMES) for cases in judged]
    mean = replace(
        parts[0],
        whole={name: float(np.mean([part.whole[name] for part in parts])) for name in METRIC_NAMES},
        without={name: np.mean([part.without[name] for part in parts], axis=0) for name in METRIC_NAMES},
    )
    return Verdict(
        metrics={name: clustered_interval(mean, name, _CONFIDENCE) for name in METRIC_NAMES},
        by_fold=np.concatenate([_by_fold(cases, fold) for cases, fold in zip(judged, folds, strict=True)]),
        by_repeat=np.array([part.whole["weighted_auprc"] for part in parts]),
    )


def coarse_pixels(images_hu: NDArray[np.int16]) -> FloatArray:
    """Mean HU of views (N, C, H, W) in FIELDS x FIELDS fields, all channels in a row: (N, C FIELDS^2)."""
    sums = images_hu.astype(np.float64)
    for axis in (-2, -1):
        edges = np.linspace(0, images_hu.shape[axis], FIELDS + 1).astype(np.int64)[:-1]
        sums = np.add.reduceat(sums, edges, axis=axis)
    pixels = images_hu.shape[-1] * images_hu.shape[-2] / FIELDS**2
    coarse: FloatArray = sums.reshape(len(sums), -1) / pixels
    return coarse


def chance_levels(cohort: Cohort) -> dict[str, float]:
    """What probabilities without information reach, for each of `METRIC_NAMES`."""
    shares = np.bincount(cohort.labels) / len(cohort.labels)
    return {
        "weighted_auprc": float((shares**2).sum()),
        "balanced_accuracy": 1 / int(np.count_nonzero(shares)),
    }


def find_best(verdicts: Mapping[Cell, Verdict]) -> Cell:
    """Find the first of `rank_cells`."""
    return rank_cells(verdicts)[0]


def rank_cells(verdicts: Mapping[Cell, Verdict]) -> list[Cell]:
    """Sort by weighted AUPRC, the highest first; of equal cells the first by name, then the shallowest."""
    return sorted(verdicts, key=lambda cell: (-(verdicts[cell].metrics["weighted_auprc"].value or 0.0), cell))


def tied_with_best(verdicts: Mapping[Cell, Verdict], params: ScreenParams) -> set[Cell]:
    """Cells that cannot be told from the best; with 95 % confidence the truly best one is among them.

    Each cell's paired differences to the best over folds and repeats are tested with the corrected
    resampled t-test, whose variance allows for folds that share training nodules; one-sided, and divided by
    the number of comparisons (Bonferroni), since the best was chosen for being best.

    Source: Nadeau & Bengio 2003, doi:10.1023/A:1024068626366.
    """
    best = find_best(verdicts)
    comparisons = max(1, len(verdicts) - 1)
    runs = params.folds * params.repeats
    limit = student.ppf(1 - (1 - _CONFIDENCE) / comparisons, runs - 1)
    spread = np.sqrt(1 / runs + 1 / (params.folds - 1))
    differences = {cell: verdicts[best].by_fold - verdict.by_fold for cell, verdict in verdicts.items()}
    return {
        cell
        for cell, difference in differences.items()
        if difference.mean() <= limit * spread * difference.std(ddof=1)
    }


@dataclass(frozen=True)
class Stability:
    """How much of a ranking is luck of the folds.

    Attributes:
        tau_between_repeats: mean Kendall's tau-b of the cells' ranking over pairs of repeats, which differ in
            their folds alone; None with one repeat or one cell.
        tau_between_folds: the same over all pairs of folds, whose nodules differ too.
        best_first_share: share of the folds in which the best cell of all is the first.
    """

    tau_between_repeats: float | None
    tau_between_folds: float | None
    best_first_share: float


def ranking_stability(verdicts: Mapping[Cell, Verdict]) -> Stability:
    """Compare the ranking of the cells between repeats and between folds."""
    order = rank_cells(verdicts)
    by_repeat = np.stack([verdicts[cell].by_repeat for cell in order])
    by_fold = np.stack([verdicts[cell].by_fold for cell in order])
    return Stability(
        tau_between_repeats=_mean_tau(by_repeat),
        tau_between_folds=_mean_tau(by_fold),
        best_first_share=float((by_fold.argmax(axis=0) == 0).mean()),
    )


def _mean_tau(values: FloatArray) -> float | None:
    """Mean Kendall's tau-b over pairs of columns of (cells, runs)."""
    cells, runs = values.shape
    if cells < 2 or runs < 2:
        return None
    pairs = combinations(range(runs), 2)
    taus = [kendalltau(values[:, one], values[:, other]).statistic for one, other in pairs]
    return float(np.nanmean(taus))


def _out_of_fold(features: FloatArray, cohort: Cohort, folds: IntArray, params: ScreenParams) -> FloatArray:
    """(N, K): class probabilities of each nodule, by a probe that saw no nodule of its patient."""
    probabilities = np.zeros((len(cohort.labels), cohort.classes))
    for fold in np.unique(folds):
        held_out = folds == fold
        fit, rows = reduce_features(features[~held_out], features[held_out], params.components)
        probe = LogisticRegression(C=params.inverse_penalty, class_weight="balanced", max_iter=1000)
        probe.fit(fit, cohort.labels[~held_out])
        probabilities[np.ix_(held_out, probe.classes_)] = probe.predict_proba(rows)
    return probabilities


def reduce_features(fit: FloatArray, rows: FloatArray, components: int) -> tuple[FloatArray, FloatArray]:
    """Standardise, keep the first principal components, scale to a mean squared length of 1, all by `fit`."""
    deviation = fit.std(axis=0)
    # A feature that hardly varies in train says nothing, and must not be blown up in the held-out fold.
    varies = deviation > 1e-6 * max(float(deviation.max()), 1e-12)
    mean, deviation = fit[:, varies].mean(axis=0), deviation[varies]
    fit, rows = (fit[:, varies] - mean) / deviation, (rows[:, varies] - mean) / deviation
    _, _, axes = np.linalg.svd(fit, full_matrices=False)
    fit, rows = fit @ axes[:components].T, rows @ axes[:components].T
    length = np.sqrt((fit**2).sum(axis=1).mean())
    return fit / length, rows / length


def _by_fold(cases: Cases, folds: IntArray) -> FloatArray:
    weights = (folds == np.unique(folds)[:, None]).astype(np.float64)
    return np.asarray(METRICS["weighted_auprc"].value(tally(cases, weights)))
