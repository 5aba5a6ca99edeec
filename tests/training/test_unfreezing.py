"""What each schedule trains in each epoch, and how fast: names and rates, for every backbone of the table."""

from fractions import Fraction
from math import cos, floor, pi

import pytest
import torch

from lungml.models.backbones import build_backbone
from lungml.models.freezing import SCHEDULES, layer_groups, set_frozen
from lungml.models.table import BACKBONES
from lungml.params.model import RecipeParams, WeightsParams
from lungml.training.schedule import plan_epochs

HEAD_EPOCHS, EPOCHS, TUNED = 2, 5, 0.02
EXPECTED = {
    "conservative": ((Fraction(30, 100), Fraction(70, 100)), (5e-5, 5e-6)),
    "moderate": ((Fraction(50, 100), Fraction(90, 100)), (5e-4, 5e-5)),
    "aggressive": ((Fraction(90, 100), Fraction(90, 100)), (1e-3, 1e-4)),
    "custom": ((Fraction(20, 100), Fraction(1)), (3e-4, 2e-5)),
    "scratch": ((Fraction(1), Fraction(1)), (TUNED, None)),
}
"""Schedule -> shares of layer groups that are trained, and rates, in the first and the last epoch."""


def test_no_schedule_is_forgotten_here():
    assert set(EXPECTED) == {*SCHEDULES, "custom"}


def plans(schedule, decay="cosine"):
    recipe = RecipeParams(schedule=schedule, trainable=(0.2, 1.0), learning_rates=(3e-4, 2e-5), decay=decay)
    return plan_epochs(recipe, TUNED, HEAD_EPOCHS, EPOCHS)


@pytest.fixture(scope="module", params=BACKBONES)
def network(request):
    with torch.device("meta"):
        return build_backbone(request.param, in_channels=1, weights=WeightsParams())


@pytest.mark.parametrize("schedule", EXPECTED)
def test_the_last_layer_groups_are_trained_as_many_as_the_schedule_says_and_nothing_else(network, schedule):
    """Groups of the output side, halves of a frozen group rounded up; in the head's epochs none."""
    groups = layer_groups(network)
    first, last = EXPECTED[schedule][0]
    counts = [0] * HEAD_EPOCHS
    for epoch in range(EPOCHS):
        share = first + (last - first) * Fraction(epoch, EPOCHS - 1)
        counts.append(len(groups) - floor((1 - share) * len(groups) + Fraction(1, 2)))

    for plan, count in zip(plans(schedule), counts, strict=True):
        set_frozen(network, plan.frozen_fraction)

        trained = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
        assert trained == {name for group in groups[len(groups) - count :] for name in group}


@pytest.mark.parametrize("schedule", EXPECTED)
@pytest.mark.parametrize("decay", ["linear", "cosine"])
def test_rates_follow_the_closed_form(schedule, decay):
    first, last = EXPECTED[schedule][1]
    found = [plan.learning_rate(0.5) for plan in plans(schedule, decay)]

    assert found[:HEAD_EPOCHS] == [1e-3] * HEAD_EPOCHS
    if last is None:
        done = (torch.arange(EPOCHS) + 0.5) / EPOCHS
        left = {"linear": 1 - done, "cosine": (1 + torch.cos(torch.pi * done)) / 2}[decay]
        expected = first * (0.01 + 0.99 * left)
        assert found[HEAD_EPOCHS:] == pytest.approx(expected.tolist(), rel=1e-5)
    else:
        done = [epoch / (EPOCHS - 1) for epoch in range(EPOCHS)]
        if decay == "cosine":
            done = [(1 - cos(pi * share)) / 2 for share in done]
        expected = [first + (last - first) * share for share in done]
        assert found[HEAD_EPOCHS:] == pytest.approx(expected)
