"""Optimizers, which parameters decay, and the moving average of weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lungml.models.classifier import Classifier
from lungml.models.freezing import layer_groups

Groups = list[dict[str, Any]]


@dataclass(frozen=True)
class OptimizerKind:
    """How to build an optimizer, and what it makes of the recipe's `weight_decay`."""

    build: Callable[[Groups], Optimizer]
    decay_share: float
    """The recipe's number is AdamW's; a penalty in the gradient needs another size."""


OPTIMIZERS: dict[str, OptimizerKind] = {
    "adam": OptimizerKind(lambda groups: torch.optim.Adam(groups, lr=0.0, fused=True), decay_share=0.0),
    "adamw": OptimizerKind(lambda groups: torch.optim.AdamW(groups, lr=0.0, fused=True), decay_share=1.0),
    "sgd": OptimizerKind(
        lambda groups: torch.optim.SGD(groups, lr=0.0, momentum=0.9, nesterov=True, fused=True),
        decay_share=0.01,
    ),
    "nadamw": OptimizerKind(
        lambda groups: torch.optim.NAdam(groups, lr=0.0, decoupled_weight_decay=True), decay_share=1.0
    ),
}
"""Name -> optimizer; the loop sets the learning rate before every step. 0.05 for AdamW and 5e-4 for SGD are
the usual pair; `adam` is the plain one, without decay. `nadamw` is AdamW with Nesterov's momentum (Dozat
2016), the strongest hand-tuned baseline of the AlgoPerf comparison (Dahl et al. 2023, arXiv 2306.07179).
`fused` is one pass over the weights: on a processor AdamW takes a quarter of the time."""


def build_optimizer(
    name: str, model: nn.Module, weight_decay: float, rate_shares: Mapping[str, float] | None = None
) -> Optimizer:
    """An optimizer over all of `model`; frozen parameters have no gradient, so it skips them."""
    kind = OPTIMIZERS[name]
    return kind.build(parameter_groups(model, weight_decay * kind.decay_share, rate_shares or {}))


def parameter_groups(model: nn.Module, weight_decay: float, rate_shares: Mapping[str, float]) -> Groups:
    """Parameters by what they share, each once.

    Matrices and kernels decay, vectors (biases, norms, scales) do not.

    Args:
        model: whose parameters.
        weight_decay: of those that decay.
        rate_shares: name -> share of the learning rate; 1 for a name that is not there.
    """
    groups: dict[tuple[bool, float], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        key = (parameter.ndim <= 1, rate_shares.get(name, 1.0))
        groups.setdefault(key, []).append(parameter)
    return [
        {"params": parameters, "weight_decay": 0.0 if vectors else weight_decay, "rate_share": share}
        for (vectors, share), parameters in sorted(groups.items(), key=lambda group: group[0])
    ]


def layer_rate_shares(classifier: Classifier, decay: float) -> dict[str, float]:
    """Parameter -> share of the learning rate: 1 in the head, `decay` times that with every layer before it.

    The first of G layer groups of the backbone gets `decay` to the power of G.

    Source: Clark et al. 2020 (ELECTRA), arXiv 2003.10555; Bao et al. 2021 (BEiT), arXiv 2106.08254.
    """
    groups = layer_groups(classifier.backbone)
    return {
        f"backbone.{name}": decay ** (len(groups) - number)
        for number, names in enumerate(groups)
        for name in names
    }


def set_learning_rate(optimizer: Optimizer, learning_rate: float) -> None:
    """Use `learning_rate` from the next step on, or a group's share of it."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate * group["rate_share"]


class Average:
    """Exponential moving average of a model's state; quick at first (Polyak and Juditsky 1992).

    After n updates it forgets at min(decay, (1 + n) / (10 + n)), so early noise does not stay.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.state = copy_state(model.state_dict())
        self._model = model
        self._pairs = self._side_by_side()

    def follow(self) -> None:
        """Leave out from now on what stands still: it is frozen, and the average has reached it.

        The average of what it equals is itself, so this changes the cost of updates and nothing else.
        """
        still = _still_names(self._model)
        self._pairs = {
            name: (average, present)
            for name, (average, present) in self._side_by_side().items()
            if name not in still or not torch.equal(average, present)
        }

    @torch.no_grad()
    def update(self) -> None:
        """Move towards the model's present weights; with decay 0, onto them."""
        self.updates += 1
        rate = 1 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        for average, present in self._pairs.values():
            if present.is_floating_point():
                average.lerp_(present, rate)
            else:
                average.copy_(present)

    def _side_by_side(self) -> dict[str, tuple[Tensor, Tensor]]:
        return {name: (self.state[name], present) for name, present in self._model.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {"updates": self.updates, "state": self.state}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.updates = saved["updates"]
        self.state = copy_state(saved["state"])
        self._pairs = self._side_by_side()


def _still_names(model: nn.Module) -> set[str]:
    """Frozen parameters, and buffers of layers in evaluation mode."""
    still = {name for name, parameter in model.named_parameters() if not parameter.requires_grad}
    for place, module in model.named_modules():
        if not module.training:
            start = f"{place}." if place else ""
            still |= {start + name for name, _ in module.named_buffers(recurse=False)}
    return still


def copy_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A copy that later training does not change."""
    return {name: value.detach().clone() for name, value in state.items()}
