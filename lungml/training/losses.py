"""Losses between logits and target shares."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import cross_entropy

Loss = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""logits (N, K), targets (N, K) that sum to 1, weights (K,) of classes or None -> mean over the batch."""

_SMOOTHING = 0.1
_FOCUS = 2.0


def _cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    return cross_entropy(logits, targets, weight=weights)


def _label_smoothing(logits: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    return cross_entropy(logits, targets, weight=weights, label_smoothing=_SMOOTHING)


def _focal(logits: Tensor, targets: Tensor, weights: Tensor | None) -> Tensor:
    log_shares = logits.log_softmax(dim=1)
    terms = -targets * (1 - log_shares.exp()) ** _FOCUS * log_shares
    if weights is not None:
        terms = terms * weights
    return terms.sum(dim=1).mean()


LOSSES: dict[str, Loss] = {
    "cross-entropy": _cross_entropy,
    "label-smoothing": _label_smoothing,
    "focal": _focal,
}
"""`label-smoothing` gives every class 0.1 / K of the target (Szegedy et al. 2016, arXiv 1512.00567). `focal`
counts what is answered well already for less, by (1 - p) squared (Lin et al. 2017, arXiv 1708.02002)."""
