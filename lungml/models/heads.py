"""Classifiers on top of a backbone: (N, D) -> logits (N, K)."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from lungml.errors import ParamsError

_DROPOUT = 0.3


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


HEADS: dict[str, Callable[[int, int], nn.Module]] = {"linear": _linear, "mlp": _mlp}
"""Name in `params.yaml` -> builder (in_features, classes)."""


def build_head(name: str, in_features: int, classes: int) -> nn.Module:
    """A head with fresh weights from torch's global generator.

    Raises:
        ParamsError: there is no head of this name.
    """
    if name not in HEADS:
        raise ParamsError(f"there is no head {name!r}; choose one of {', '.join(HEADS)}")
    return HEADS[name](in_features, classes)
