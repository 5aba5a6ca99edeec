"""How far rows lie from those a detector was fitted on: three detectors for embeddings, one for statistics.

Sources: kNN distance, Ramaswamy et al. 2000, doi:10.1145/342009.335437; isolation forest, Liu et al. 2008,
doi:10.1109/ICDM.2008.17.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cholesky, solve_triangular
from sklearn.ensemble import IsolationForest

from lungml.covariance import shrunk_covariance, standardise
from lungml.outliers.image_statistics import deviations
from lungml.params.model import OutlierParams

FloatArray = NDArray[np.float64]

_LARGEST = 3
"""So many statistics of an image count: one alone can be odd by chance, and few faults change most."""


def knn_distance(fit: FloatArray, rows: FloatArray, params: OutlierParams) -> FloatArray:
    """Mean Euclidean distance from `rows` (M, D) to their k nearest of `fit` (N, D); k is at most N."""
    fit, rows = _scaled(fit, rows)
    squared = (rows**2).sum(axis=1)[:, None] + (fit**2).sum(axis=1) - 2.0 * rows @ fit.T
    neighbours = min(params.neighbours, len(fit))
    nearest = np.partition(squared, neighbours - 1, axis=1)[:, :neighbours]
    return np.asarray(np.sqrt(np.maximum(nearest, 0.0)).mean(axis=1))


def mahalanobis_distance(fit: FloatArray, rows: FloatArray, params: OutlierParams) -> FloatArray:  # noqa: ARG001
    """Distance from the mean of `fit` in its covariance, which is shrunk so that N < D is no problem."""
    fit, rows = _scaled(fit, rows)
    half = cholesky(shrunk_covariance(fit), lower=True, overwrite_a=True, check_finite=False)
    centred = (rows - fit.mean(axis=0)).T
    whitened = solve_triangular(half, centred, lower=True, overwrite_b=True, check_finite=False)
    return np.asarray(np.linalg.norm(whitened, axis=0))


def isolation_score(fit: FloatArray, rows: FloatArray, params: OutlierParams) -> FloatArray:
    """How few random cuts set a row apart, 0 to 1; about 0.5 where nothing is unusual."""
    fit, rows = _scaled(fit, rows)
    forest = IsolationForest(n_estimators=params.trees, random_state=params.seed).fit(fit)
    return np.asarray(-forest.score_samples(rows))


def image_deviation(fit: FloatArray, rows: FloatArray, params: OutlierParams) -> FloatArray:  # noqa: ARG001
    """Mean over the three statistics of a view that are farthest from train's median, in robust deviations.

    `fit` and `rows` are what `image_statistics` gives.
    """
    return np.asarray(np.sort(np.abs(deviations(fit, rows)), axis=1)[:, -_LARGEST:].mean(axis=1))


Detector = Callable[[FloatArray, FloatArray, OutlierParams], FloatArray]

DETECTORS: dict[str, tuple[Literal["embedding", "statistics"], Detector]] = {
    "knn": ("embedding", knn_distance),
    "mahalanobis": ("embedding", mahalanobis_distance),
    "isolation": ("embedding", isolation_score),
    "image": ("statistics", image_deviation),
}
"""Score -> what it looks at, and (fit (N, D), rows (M, D), params) -> (M,), higher is more unusual."""


def _scaled(fit: FloatArray, rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    return standardise(fit, fit), standardise(fit, rows)
