"""What is trained in each epoch, and at which learning rate: the head first, then an unfreezing schedule."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from lungml.errors import ParamsError
from lungml.models.freezing import schedule_of
from lungml.params.model import RecipeParams

_LAST_SHARE = 0.01
_WARM_UP = 0.25
_FIRST_SHARE = 0.04


@dataclass(frozen=True)
class EpochPlan:
    """One epoch: `frozen_fraction` of the layer groups is fixed; `phase` is head or schedule."""

    phase: str
    frozen_fraction: float
    learning_rate: Callable[[float], float]
    """Share of the epoch's steps done, 0 to below 1 -> learning rate of the next step."""


def plan_epochs(
    recipe: RecipeParams, tuned_learning_rate: float | None, head_epochs: int, epochs: int
) -> list[EpochPlan]:
    """The epochs of a training in order.

    Those of the head hold `recipe.head_learning_rate` (1e-3 is the seed study's). Schedules with rates of
    their own hold one through an epoch and go down from epoch to epoch, linearly as the seed study's or
    (`recipe.decay`) as a cosine; the tuned rate follows `recipe.decay` step by step.

    Raises:
        ParamsError: the schedule needs a tuned rate, and the search was run for a schedule that does not.
    """
    head = EpochPlan("head", 1.0, lambda _share: recipe.head_learning_rate)
    return [head] * head_epochs + [
        _plan_epoch(recipe, tuned_learning_rate, epoch, epochs) for epoch in range(epochs)
    ]


def _plan_epoch(recipe: RecipeParams, tuned: float | None, epoch: int, epochs: int) -> EpochPlan:
    schedule = schedule_of(recipe)
    frozen = 1 - schedule.trainable_fraction(epoch, epochs)
    if schedule.learning_rates is not None:
        rate = schedule.learning_rate(epoch, epochs, tuned=0.0)
        return EpochPlan("schedule", frozen, lambda _share: rate)
    if tuned is None:
        raise ParamsError(
            f"schedule {recipe.schedule} takes the tuned learning rate, and none was tuned; "
            "give tune and finetune of a task the same recipe.schedule in params.yaml"
        )
    course = DECAYS[recipe.decay]
    return EpochPlan("schedule", frozen, lambda share: tuned * course((epoch + share) / epochs))


def _linear(done: float) -> float:
    return 1 - (1 - _LAST_SHARE) * done


def _cosine(done: float) -> float:
    return _LAST_SHARE + (1 - _LAST_SHARE) * (1 + math.cos(math.pi * done)) / 2


def _one_cycle(done: float) -> float:
    if done < _WARM_UP:
        return _FIRST_SHARE + (1 - _FIRST_SHARE) * (1 - math.cos(math.pi * done / _WARM_UP)) / 2
    return _cosine((done - _WARM_UP) / (1 - _WARM_UP))


DECAYS: dict[str, Callable[[float], float]] = {"linear": _linear, "cosine": _cosine, "one-cycle": _one_cycle}
"""Share of the schedule done, 0 to 1 -> share of the tuned rate. `one-cycle` warms up over the first quarter
(Smith 2018, arXiv 1803.09820); all end at a hundredth."""
