"""What part of a backbone is trained: its layers in order, how to freeze the first of them, and when."""

from __future__ import annotations

import math
import types
from dataclasses import dataclass, replace
from typing import Literal

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from lungml.params.model import NormStatistics, RecipeParams


def layer_groups(backbone: nn.Module) -> list[list[str]]:
    """Names of all parameters of a timm network, grouped by layer (stem, blocks, head) from input to output.

    Each parameter is in exactly one group, stray ones (layer scale, class token, position) included.

    Source: timm's `group_matcher`, made for layer-wise learning rates.
    """
    from timm.models import group_parameters

    groups = group_parameters(backbone, backbone.group_matcher())  # type: ignore[operator]
    return [list(groups[number]) for number in sorted(groups)]


def frozen_count(groups: int, fraction: float) -> int:
    """How many of so many groups a fraction is; halves are rounded up, also where 1 - 0.9 is below 0.1."""
    return math.floor(round(fraction * groups, 9) + 0.5)


def set_frozen(backbone: nn.Module, fraction: float, norm_statistics: NormStatistics = "trained") -> None:
    """Freeze the first `fraction` of the layer groups and make the others trainable.

    A frozen layer is wholly fixed: no gradient, and its normalisation statistics, dropout and drop-path stay
    in evaluation mode whenever `backbone.train()` is called. Call it again to change the fraction.

    Args:
        backbone: timm network without classifier.
        fraction: 0 (all trainable) to 1 (all frozen), of layer groups, not of parameters.
        norm_statistics: of trainable batch norm layers; `frozen` keeps them in evaluation mode too, while
            their scales and biases are trained.

    Raises:
        ValueError: the fraction is outside 0..1.
    """
    if not 0 <= fraction <= 1:
        raise ValueError(f"frozen fraction is {fraction}, expected 0 to 1")
    groups = layer_groups(backbone)
    frozen = {name for group in groups[: frozen_count(len(groups), fraction)] for name in group}
    for name, parameter in backbone.named_parameters():
        parameter.requires_grad_(name not in frozen)
    train = _TRAIN_MODES[norm_statistics]
    backbone.train = types.MethodType(train, backbone)  # type: ignore[method-assign]
    backbone.train(backbone.training)


def _train_unfrozen(backbone: nn.Module, mode: bool = True) -> nn.Module:
    """`nn.Module.train`, but frozen layers stay in evaluation mode."""
    nn.Module.train(backbone, mode)
    for module in backbone.modules():
        parameters = list(module.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            nn.Module.train(module, False)
    return backbone


def _train_weights_alone(backbone: nn.Module, mode: bool = True) -> nn.Module:
    """As `_train_unfrozen`, and no batch norm layer follows the statistics of a batch."""
    _train_unfrozen(backbone, mode)
    for module in backbone.modules():
        if isinstance(module, _BatchNorm):
            nn.Module.train(module, False)
    return backbone


_TRAIN_MODES = {"trained": _train_unfrozen, "frozen": _train_weights_alone}


@dataclass(frozen=True)
class Schedule:
    """How much of a backbone is trained in each epoch after the head's, and at which learning rate.

    Pairs are (first epoch, last epoch). `trainable` is a share of layer groups, counted from the output;
    `learning_rates` None means from the tuned rate to a hundredth of it.
    """

    trainable: tuple[float, float]
    learning_rates: tuple[float, float] | None
    decay: Literal["linear", "cosine"]

    def trainable_fraction(self, epoch: int, epochs: int) -> float:
        """Share of layer groups trained in `epoch` (0 to `epochs` - 1); grows linearly."""
        first, last = self.trainable
        return first + (last - first) * _progress(epoch, epochs)

    def learning_rate(self, epoch: int, epochs: int, tuned: float) -> float:
        """Learning rate of `epoch` (0 to `epochs` - 1), from the first value down to the last."""
        first, last = self.learning_rates or (tuned, tuned / 100)
        done = _progress(epoch, epochs)
        if self.decay == "cosine":
            done = (1 - math.cos(math.pi * done)) / 2
        return first + (last - first) * done


SCHEDULES = {
    "conservative": Schedule((0.3, 0.7), (5e-5, 5e-6), "linear"),
    "moderate": Schedule((0.5, 0.9), (5e-4, 5e-5), "linear"),
    "aggressive": Schedule((0.9, 0.9), (1e-3, 1e-4), "linear"),
    "scratch": Schedule((1.0, 1.0), None, "cosine"),
}
"""The seed study's three unfreezing schedules, and one for random weights: everything at the tuned rate."""


def schedule_of(recipe: RecipeParams) -> Schedule:
    """The schedule a recipe names, or the one it describes (`custom`); `decay` may bend its rates."""
    schedule = (
        Schedule(recipe.trainable, recipe.learning_rates, "linear")
        if recipe.schedule == "custom"
        else SCHEDULES[recipe.schedule]
    )
    return replace(schedule, decay="cosine") if recipe.decay == "cosine" else schedule


def _progress(epoch: int, epochs: int) -> float:
    """0 in the first epoch, 1 in the last; 0 if there is only one."""
    if not 0 <= epoch < epochs:
        raise ValueError(f"epoch {epoch} is not one of {epochs} (counted from 0)")
    return epoch / (epochs - 1) if epochs > 1 else 0.0
