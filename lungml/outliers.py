"""Outlier scores of embeddings, and t-SNE coordinates for the picture of them.

Everything is fitted on train. A nodule that helped to fit a score would look more usual than it is, so
nodules of train are scored by fits on the other folds of train; the others get the mean over these fits.
So all scores are out of sample and can be compared across parts.

Sources: kNN distance, Ramaswamy et al. 2000, doi:10.1145/342009.335437; shrunk covariance, Ledoit & Wolf
2004, doi:10.1016/S0047-259X(03)00096-4; isolation forest, Liu et al. 2008, doi:10.1109/ICDM.2008.17; t-SNE,
van der Maaten & Hinton 2008, jmlr.org/papers/v9.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from sklearn.covariance import ledoit_wolf
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.manifold import TSNE

from lungml.errors import InputError
from lungml.params.model import OutlierParams

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_TSNE_COMPONENTS = 50
_MIN_NODULES = 4


def score_outliers(embedding: FloatArray, train_fold: IntArray, params: OutlierParams) -> pd.DataFrame:
    """Score how unusual each nodule is among those of train.

    Args:
        embedding: (N, D).
        train_fold: (N,), fold of a nodule of train, -1 for nodules of the other parts.
        params: see `OutlierParams`.

    Returns:
        N rows in the same order: one column per detector (higher is more unusual), `unusual` (mean over
        detectors of the score's distance from train's median, in robust deviations) and `rank` (1 is the
        most unusual; of equal ones the first row).

    Raises:
        InputError: train has fewer than two folds, or fewer than 4 nodules.
    """
    folds = np.unique(train_fold[train_fold >= 0])
    if len(folds) < 2 or (train_fold >= 0).sum() < _MIN_NODULES:
        raise InputError(
            f"outliers: train has {(train_fold >= 0).sum()} nodules in {len(folds)} folds, expected at least "
            f"{_MIN_NODULES} in 2; take more patients (acquire) or more folds (split.folds)"
        )
    scores = pd.DataFrame(
        {name: _out_of_sample(embedding, train_fold, detect, params) for name, detect in DETECTORS.items()}
    )
    unusual = scores.apply(lambda column: _robust_deviations(column, train_fold >= 0)).mean(axis=1)
    rank = unusual.rank(ascending=False, method="first").astype("int32")
    return scores.assign(unusual=unusual, rank=rank)


def tsne_coordinates(embedding: FloatArray, params: OutlierParams) -> FloatArray:
    """Lay nodules (N, D) out in a plane (N, 2) so that close neighbours stay close.

    Only for looking: distances between groups, their sizes and the axes mean nothing. Starts from the
    principal components with a fixed seed; on one thread equal embeddings give equal bytes.
    """
    scaled = _standardise(embedding, embedding)
    components = min(_TSNE_COMPONENTS, *scaled.shape)
    reduced = PCA(components, svd_solver="full").fit_transform(scaled)
    perplexity = min(params.perplexity, (len(embedding) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init="pca", learning_rate="auto", random_state=params.seed)
    return np.asarray(tsne.fit_transform(reduced), dtype=np.float64)


def knn_distance(fit: FloatArray, rows: FloatArray, params: OutlierParams) -> FloatArray:
    """Mean Euclidean distance from `rows` (M, D) to their k nearest of `fit` (N, D); k is at most N."""
    squared = (rows**2).sum(axis=1)[:, None] + (fit**2).sum(axis=1) - 2.0 * rows @ fit.T
    neighbours = min(params.neighbours, len(fit))
    nearest = np.partition(squared, neighbours - 1, axis=1)[:, :neighbours]
    return np.asarray(np.sqrt(np.maximum(nearest, 0.0)).mean(axis=1))


def mahalanobis_distance(fit: FloatArray, rows: FloatArray, params: OutlierParams) -> FloatArray:  # noqa: ARG001
    """Distance from the mean of `fit` in its covariance, which is shrunk so that N < D is no problem."""
    covariance, _ = ledoit_wolf(fit)
    half = cholesky(covariance, lower=True)
    whitened = solve_triangular(half, (rows - fit.mean(axis=0)).T, lower=True)
    return np.asarray(np.linalg.norm(whitened, axis=0))


def isolation_score(fit: FloatArray, rows: FloatArray, params: OutlierParams) -> FloatArray:
    """How few random cuts set a row apart, 0 to 1; about 0.5 where nothing is unusual."""
    forest = IsolationForest(n_estimators=params.trees, random_state=params.seed).fit(fit)
    return np.asarray(-forest.score_samples(rows))


Detector = Callable[[FloatArray, FloatArray, OutlierParams], FloatArray]

DETECTORS: dict[str, Detector] = {
    "knn": knn_distance,
    "mahalanobis": mahalanobis_distance,
    "isolation": isolation_score,
}
"""Name of a score -> (fit (N, D), rows (M, D), params) -> (M,), higher is more unusual."""


def _out_of_sample(
    embedding: FloatArray, train_fold: IntArray, detect: Detector, params: OutlierParams
) -> FloatArray:
    folds = np.unique(train_fold[train_fold >= 0])
    by_fit = np.full((len(folds), len(embedding)), np.nan)
    for number, fold in enumerate(folds):
        fitted_on = (train_fold >= 0) & (train_fold != fold)
        scored = ~fitted_on
        fit = embedding[fitted_on]
        by_fit[number, scored] = detect(_standardise(fit, fit), _standardise(fit, embedding[scored]), params)
    return np.asarray(np.nanmean(by_fit, axis=0))


def _standardise(fit: FloatArray, rows: FloatArray) -> FloatArray:
    """Scale by mean and deviation of `fit`; features that hardly vary there are not blown up."""
    deviation = fit.std(axis=0)
    usual = float(np.median(deviation[deviation > 0])) if (deviation > 0).any() else 1.0
    return np.asarray((rows - fit.mean(axis=0)) / np.maximum(deviation, 0.1 * usual))


def _robust_deviations(scores: pd.Series, reference: NDArray[np.bool_]) -> pd.Series:
    median = scores[reference].median()
    spread = (scores[reference] - median).abs().median()
    return (scores - median) / (spread if spread > 0 else 1.0)
