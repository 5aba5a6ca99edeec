"""Classifiers on top of a backbone: (N, D) -> logits (N, K) whose softmax are the class probabilities.

So losses, metrics, maps and bundles need not know which head it is. The ordinal heads take the classes as
ordered: they give P(y > k) for every k, never growing with k, and from that the logarithms of the class
probabilities.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus

from lungml.errors import ParamsError

_DROPOUT = 0.3
"""Unless `set_dropout` says another."""
_SMALLEST_GAP = 1e-4
"""Between two thresholds: no class may have the probability 0."""


def _linear(in_features: int, classes: int) -> nn.Module:
    return nn.Linear(in_features, classes)


def _mlp(in_features: int, classes: int) -> nn.Module:
    """The seed study's: two hidden layers of 256 and 128 with ReLU and dropout."""
    return nn.Sequential(
        nn.Linear(in_features, 256),
        nn.ReLU(),
        nn.Dropout(_DROPOUT),
        nn.Linear(256, 128),
        nn.ReLU(),
        nn.Dropout(_DROPOUT),
        nn.Linear(128, classes),
    )


def _dropout(in_features: int, classes: int) -> nn.Module:
    return nn.Sequential(nn.Dropout(_DROPOUT), nn.Linear(in_features, classes))


def _norm(in_features: int, classes: int) -> nn.Module:
    return nn.Sequential(nn.LayerNorm(in_features), nn.Linear(in_features, classes))


class CumulativeLink(nn.Module):
    """One score, and thresholds that grow: P(y > k) = sigmoid(score - threshold k).

    Source: McCullagh 1980, doi:10.1111/j.2517-6161.1980.tb01109.x (proportional odds).
    """

    def __init__(self, in_features: int, classes: int) -> None:
        super().__init__()
        self.score = nn.Linear(in_features, 1)
        self.first = nn.Parameter(torch.full((1,), -float(classes - 2) / 2))
        self.gaps = nn.Parameter(torch.full((classes - 2,), 0.5413))  # softplus makes 1 of it

    def thresholds(self) -> Tensor:
        """(K - 1,), growing."""
        return torch.cat([self.first, self.first + self._gaps().cumsum(0)])

    def log_above(self, features: Tensor) -> Tensor:
        """(N, D) -> (N, K - 1), logarithms of P(y > k)."""
        return logsigmoid(self._margins(features))

    def forward(self, features: Tensor) -> Tensor:
        """(N, D) -> (N, K), logarithms of the class probabilities."""
        above = self._margins(features)
        lowest, highest = logsigmoid(-above[:, :1]), logsigmoid(above[:, -1:])
        # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)), with no loss of digits
        between = logsigmoid(above[:, :-1]) + logsigmoid(-above[:, 1:])
        return torch.cat([lowest, between + torch.log(-torch.expm1(-self._gaps())), highest], dim=1)

    def _margins(self, features: Tensor) -> Tensor:
        margins: Tensor = self.score(features) - self.thresholds()
        return margins

    def _gaps(self) -> Tensor:
        return softplus(self.gaps) + _SMALLEST_GAP


class ConditionalOrdinal(nn.Module):
    """P(y > k | y > k - 1) of its own for every k; their products are P(y > k).

    Source: Shi, Cao and Raschka 2021 (CORN), arXiv 2111.08851; with cross-entropy on its output this is the
    continuation-ratio model.
    """

    def __init__(self, in_features: int, classes: int) -> None:
        super().__init__()
        self.steps = nn.Linear(in_features, classes - 1)

    def log_above(self, features: Tensor) -> Tensor:
        """(N, D) -> (N, K - 1), logarithms of P(y > k)."""
        return _reached(self.steps(features))

    def forward(self, features: Tensor) -> Tensor:
        """(N, D) -> (N, K), logarithms of the class probabilities."""
        steps = self.steps(features)
        nothing = torch.zeros_like(steps[:, :1])
        reached = torch.cat([nothing, _reached(steps)], dim=1)
        stays = torch.cat([logsigmoid(-steps), nothing], dim=1)
        return reached + stays


def _reached(steps: Tensor) -> Tensor:
    """Logarithms of how likely it is to get past each of the steps, and so past all before it."""
    return logsigmoid(steps).cumsum(dim=1)


HEADS: dict[str, Callable[[int, int], nn.Module]] = {
    "linear": _linear,
    "dropout": _dropout,
    "norm": _norm,
    "mlp": _mlp,
    "ordinal": CumulativeLink,
    "corn": ConditionalOrdinal,
}
"""Name in `params.yaml` -> builder (in_features, classes). `dropout` is `linear` behind a dropout, `norm` is
`linear` behind a layer norm, for which embeddings of any scale are alike. With two classes the ordinal heads
are logistic regression."""


def build_head(name: str, in_features: int, classes: int) -> nn.Module:
    """A head with fresh weights from torch's global generator.

    Raises:
        ParamsError: there is no head of this name.
    """
    if name not in HEADS:
        raise ParamsError(f"there is no head {name!r}; choose one of {', '.join(HEADS)}")
    return HEADS[name](in_features, classes)


def set_dropout(head: nn.Module, share: float) -> None:
    """Let a head leave out this share of values in training, wherever it has a dropout."""
    for layer in head.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = share
