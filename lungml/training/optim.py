"""Optimizers, which parameters decay, and the moving average of weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

Groups = list[dict[str, Any]]


@dataclass(frozen=True)
class OptimizerKind:
    """How to build an optimizer, and what it makes of the recipe's `weight_decay`."""

    build: Callable[[Groups], Optimizer]
    decay_share: float
    """The recipe's number is AdamW's; a penalty in the gradient needs another size."""


OPTIMIZERS: dict[str, OptimizerKind] = {
    "adam": OptimizerKind(lambda groups: torch.optim.Adam(groups, lr=0.0), decay_share=0.0),
    "adamw": OptimizerKind(lambda groups: torch.optim.AdamW(groups, lr=0.0), decay_share=1.0),
    "sgd": OptimizerKind(
        lambda groups: torch.optim.SGD(groups, lr=0.0, momentum=0.9, nesterov=True), decay_share=0.01
    ),
    "nadamw": OptimizerKind(
        lambda groups: torch.optim.NAdam(groups, lr=0.0, decoupled_weight_decay=True), decay_share=1.0
    ),
}
"""Name -> optimizer; the loop sets the learning rate before every step. 0.05 for AdamW and 5e-4 for SGD are
the usual pair; `adam` is the plain one, without decay. `nadamw` is AdamW with Nesterov's momentum (Dozat
2016), the strongest hand-tuned baseline of the AlgoPerf comparison (Dahl et al. 2023, arXiv 2306.07179)."""


def build_optimizer(name: str, model: nn.Module, weight_decay: float) -> Optimizer:
    """An optimizer over all of `model`; frozen parameters have no gradient, so it skips them."""
    kind = OPTIMIZERS[name]
    return kind.build(decay_groups(model, weight_decay * kind.decay_share))


def decay_groups(model: nn.Module, weight_decay: float) -> Groups:
    """Parameters in two groups: matrices and kernels decay, vectors (biases, norms, scales) do not."""
    parameters = list(model.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def set_learning_rate(optimizer: Optimizer, learning_rate: float) -> None:
    """Use `learning_rate` for every group from the next step on."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


class Average:
    """Exponential moving average of a model's state; quick at first (Polyak and Juditsky 1992).

    After n updates it forgets at min(decay, (1 + n) / (10 + n)), so early noise does not stay.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.state = copy_state(model.state_dict())

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Move towards the present weights; with decay 0, onto them."""
        self.updates += 1
        rate = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, value in model.state_dict().items():
            if value.is_floating_point():
                self.state[name].lerp_(value, rate)
            else:
                self.state[name].copy_(value)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {"updates": self.updates, "state": self.state}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.updates = saved["updates"]
        self.state = copy_state(saved["state"])


def copy_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A copy that later training does not change."""
    return {name: value.detach().clone() for name, value in state.items()}
