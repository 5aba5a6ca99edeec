"""Losses between logits and target shares."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import cross_entropy

Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""logits (N, K), targets (N, K) that sum to 1, weights (K,) of classes or None -> mean over the batch."""

_SMOOTHING = 0.1


def _cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    return cross_entropy(logits, targets, weight=weights)


def _label_smoothing(logits: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    return cross_entropy(logits, targets, weight=weights, label_smoothing=_SMOOTHING)


LOSSES: dict[str, Loss] = {
    "cross-entropy": _cross_entropy,
    "label-smoothing": _label_smoothing,
}
"""`label-smoothing` gives every class 0.1 / K of the target (Szegedy et al. 2016, arXiv 1512.00567)."""
