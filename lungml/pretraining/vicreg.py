"""VICReg: what a network says of two changed images of one nodule shall be alike, and still say something.

Three terms are weighed: invariance (both images, one embedding), variance (each dimension keeps a deviation
of 1 over the batch, so a constant answer is dear) and covariance (dimensions do not repeat each other).

Source: Bardes, Ponce & LeCun 2022, arXiv 2105.04906.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from lungml.params.pretrain import VicregParams

_GOAL = 1.0
"""Deviation that every dimension is to have."""
_SMALL = 1e-4
"""Keeps the slope of a root finite at 0."""


@dataclass(frozen=True)
class Terms:
    """The three terms of one batch, unweighted, and `deviation`: the mean over dimensions and both images."""

    invariance: Tensor
    variance: Tensor
    covariance: Tensor
    deviation: Tensor

    def loss(self, params: VicregParams) -> Tensor:
        """Their weighted sum."""
        return (
            params.invariance * self.invariance
            + params.variance * self.variance
            + params.covariance * self.covariance
        )


def vicreg_terms(first: Tensor, second: Tensor) -> Terms:
    """Compare two embeddings of the same images.

    Args:
        first: (N, D), N at least 2.
        second: (N, D), of the other change of each image.
    """
    deviations = [(each.var(dim=0) + _SMALL).sqrt() for each in (first, second)]
    hinges = [(_GOAL - deviation).relu().mean() for deviation in deviations]
    return Terms(
        invariance=nn.functional.mse_loss(first, second),
        variance=(hinges[0] + hinges[1]) / 2,
        covariance=_shared(first) + _shared(second),
        deviation=((deviations[0].mean() + deviations[1].mean()) / 2).detach(),
    )


def build_expander(embedding: int, width: int) -> nn.Module:
    """Build the layers above the backbone in which the loss is measured; they are thrown away afterwards.

    Args:
        embedding: D of what the backbone gives.
        width: of all three layers.
    """
    return nn.Sequential(
        nn.Linear(embedding, width),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Linear(width, width),
    )


def _shared(vectors: Tensor) -> Tensor:
    """Sum of squared covariances between different dimensions, by their number."""
    count, width = vectors.shape
    centred = vectors - vectors.mean(dim=0)
    covariance = centred.T @ centred / (count - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / width
