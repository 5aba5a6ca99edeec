# mypy: disable-error-code="no-any-return"
"""What usual images look like to a backbone, and how far another image lies from them.

A bundle carries it, so that a model can say which answers to abstain from wherever it is used. It holds
means and covariances of embeddings, never an image's own embedding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

FloatArray = NDArray[np.float64]
Seen = Mapping[float, FloatArray]
"""Depth -> embeddings (N, D)."""
_HELD_OUT = "held_out"
_ROUNDING = 1e-9
"""What a product of floats may be above the whole number it stands for."""


@dataclass(frozen=True, eq=False)
class Cloud:
    """Where the embeddings of one depth usually lie."""

    centre: FloatArray
    """(D,): their mean."""
    scale: FloatArray
    """(D,): what each feature is divided by."""
    half: NDArray[np.float32]
    """(D, D): lower half of the shrunk covariance of the scaled features (Cholesky)."""
    middle: FloatArray
    """(): median Mahalanobis distance of held-out images."""
    spread: FloatArray
    """(): how far above it their 90th percentile is."""

    def mahalanobis(self, rows: FloatArray) -> FloatArray:
        """(M,): distance of `rows` (M, D) from the centre."""
        scaled = ((rows - self.centre) / self.scale).T
        return np.linalg.norm(solve_triangular(self.half, scaled, lower=True, check_finite=False), axis=0)


@dataclass(frozen=True, eq=False)
class Usual:
    """What usual images look like at several depths of a backbone."""

    clouds: Mapping[float, Cloud]
    """Depth -> where their embeddings lie."""
    held_out: FloatArray
    """(N,): distances of usual images that the clouds were not fitted on, in rising order."""

    def threshold(self, abstention: float) -> float:
        """The distance beyond which at most a share `abstention` of new usual images lies.

        A new one and the N held-out ones are alike, so it comes at each of N + 1 ranks equally often. Where
        N + 1 is below 1 / abstention, no distance keeps that promise; then it is the largest held-out one.
        """
        place = int(np.ceil((len(self.held_out) + 1) * (1 - abstention) - _ROUNDING)) - 1
        return float(self.held_out[min(place, len(self.held_out) - 1)])


def distances(clouds: Mapping[float, Cloud], seen: Seen) -> FloatArray:
    """(M,): how far M images lie, at the depth where that is most: 0 is usual, 1 is rare."""
    by_depth = [
        (cloud.mahalanobis(seen[depth]) - cloud.middle) / cloud.spread for depth, cloud in clouds.items()
    ]
    return np.max(by_depth, axis=0)


def as_arrays(usual: Usual) -> dict[str, NDArray[np.floating]]:
    """Named arrays that `from_arrays` reads back."""
    named = {
        f"{depth}/{field.name}": np.asarray(getattr(cloud, field.name))
        for depth, cloud in usual.clouds.items()
        for field in fields(cloud)
    }
    return {_HELD_OUT: usual.held_out} | named


def from_arrays(arrays: Mapping[str, Any]) -> Usual:
    """What `as_arrays` named."""
    depths = sorted({name.partition("/")[0] for name in arrays} - {_HELD_OUT}, key=float)
    clouds = {
        float(depth): Cloud(**{field.name: arrays[f"{depth}/{field.name}"] for field in fields(Cloud)})
        for depth in depths
    }
    return Usual(clouds, np.asarray(arrays[_HELD_OUT], dtype=np.float64))
