"""From detectors to scores, a rank and a reason, all out of sample.

Everything is fitted on train. A nodule that helped to fit a score would look more usual than it is, so
nodules of train are scored by fits on the other folds of train; the others get the mean over these fits.
So all scores are out of sample and can be compared across parts.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungml.errors import InputError
from lungml.outliers.detectors import DETECTORS, Detector
from lungml.outliers.image_statistics import STATISTICS, deviations
from lungml.params.model import OutlierParams

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MIN_NODULES = 4
_USUAL = (10.0, 90.0)


def score_outliers(
    embedding: FloatArray, statistics: FloatArray, train_fold: IntArray, params: OutlierParams
) -> pd.DataFrame:
    """Score how unusual each nodule is among those of train.

    Args:
        embedding: (N, D).
        statistics: (N, S), from `image_statistics`.
        train_fold: (N,), fold of a nodule of train, -1 for nodules of the other parts.
        params: see `OutlierParams`.

    Returns:
        N rows in the same order: one column per detector (higher is more unusual), `unusual` (mean over
        detectors of the score's distance from train's median, in robust deviations), `rank` (1 is the
        most unusual; of equal ones the first row), `detector` (which one says so most) and `reason` (how
        much so, and the statistic that is farthest from train's).

    Raises:
        InputError: train has fewer than two folds, or fewer than 4 nodules.
    """
    train = train_fold >= 0
    folds = np.unique(train_fold[train])
    if len(folds) < 2 or train.sum() < _MIN_NODULES:
        raise InputError(
            f"outliers: train has {train.sum()} nodules in {len(folds)} folds, expected at least "
            f"{_MIN_NODULES} in 2; take more patients (acquire) or more folds (split.folds)"
        )
    features = {"embedding": embedding, "statistics": statistics}
    scores = pd.DataFrame(
        {
            name: _out_of_sample(features[seen], train_fold, detect, params)
            for name, (seen, detect) in DETECTORS.items()
        }
    )
    distances = scores.apply(lambda column: _robust_deviations(column, train))
    unusual = distances.mean(axis=1)
    rank = unusual.rank(ascending=False, method="first").astype("int32")
    return scores.assign(
        unusual=unusual,
        rank=rank,
        detector=distances.idxmax(axis=1),
        reason=_reasons(distances, statistics, train),
    )


def _out_of_sample(
    features: FloatArray, train_fold: IntArray, detect: Detector, params: OutlierParams
) -> FloatArray:
    folds = np.unique(train_fold[train_fold >= 0])
    by_fit = np.full((len(folds), len(features)), np.nan)
    for number, fold in enumerate(folds):
        fitted_on = (train_fold >= 0) & (train_fold != fold)
        by_fit[number, ~fitted_on] = detect(features[fitted_on], features[~fitted_on], params)
    return np.asarray(np.nanmean(by_fit, axis=0))


def _robust_deviations(scores: pd.Series, reference: NDArray[np.bool_]) -> pd.Series:
    median = scores[reference].median()
    spread = (scores[reference] - median).abs().median()
    return (scores - median) / (spread if spread > 0 else 1.0)


def _reasons(distances: pd.DataFrame, statistics: FloatArray, train: NDArray[np.bool_]) -> list[str]:
    """One line per nodule: the detector that is most surprised, then the statistic that is oddest."""
    names, odd = list(STATISTICS), np.abs(deviations(statistics[train], statistics)).argmax(axis=1)
    usual = np.percentile(statistics[train], _USUAL, axis=0)
    values = np.take_along_axis(statistics, odd[:, None], axis=1)[:, 0]
    found = zip(distances.idxmax(axis=1), distances.max(axis=1), odd, values, usual[:, odd].T, strict=True)
    return [
        f"{detector} {distance:.1f} deviations above train; {_in_words(names[column], value, range_)}"
        for detector, distance, column, value, range_ in found
    ]


def _in_words(name: str, value: float, usual: FloatArray) -> str:
    statistic = STATISTICS[name]
    digits = 0 if statistic.unit == "HU" else 1
    value_, low, high = (f"{number:.{digits}f}" for number in (value, *usual))
    unit = f" {statistic.unit}".rstrip()
    return f"{statistic.words} {value_}{unit}, in train mostly {low} to {high}"
