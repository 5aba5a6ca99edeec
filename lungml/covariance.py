"""Scale and covariance of embeddings, of which there may be fewer than features.

Source: shrunk covariance, Ledoit & Wolf 2004, doi:10.1016/S0047-259X(03)00096-4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def shrunk_covariance(rows: FloatArray) -> FloatArray:
    """Covariance (D, D) of `rows` (N, D), drawn towards a multiple of the identity as Ledoit & Wolf do.

    One matrix product: the variance of its entries needs only the squared lengths of the rows.
    """
    count, features = rows.shape
    centred = rows - rows.mean(axis=0)
    covariance = centred.T @ centred / count
    level = float(np.trace(covariance)) / features
    squares = float((covariance**2).sum())
    spread = squares - features * level**2
    noise = (float(((centred**2).sum(axis=1) ** 2).sum()) / count - squares) / count
    shrinkage = min(max(noise / spread, 0.0), 1.0) if spread > 0 else 0.0
    covariance *= 1.0 - shrinkage
    covariance.flat[:: features + 1] += shrinkage * level
    return np.asarray(covariance)


def scale_of(fit: FloatArray) -> FloatArray:
    """(D,): deviation of each feature of `fit` (N, D); features that hardly vary are not blown up by it."""
    deviation = fit.std(axis=0)
    usual = float(np.median(deviation[deviation > 0])) if (deviation > 0).any() else 1.0
    return np.asarray(np.maximum(deviation, 0.1 * usual))


def standardise(fit: FloatArray, rows: FloatArray) -> FloatArray:
    """Scale `rows` by mean and `scale_of` of `fit`."""
    return np.asarray((rows - fit.mean(axis=0)) / scale_of(fit))
