import math

import pytest
import torch

from lungml.training.losses import LOSSES

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.3, -2.0]])
HARD = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
SOFT = torch.tensor([[0.7, 0.3, 0.0], [0.1, 0.1, 0.8]])


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_lower_for_the_right_answer_than_for_a_wrong_one(name):
    right, wrong = 5 * HARD, 5 * HARD.roll(1, dims=1)

    assert LOSSES[name](right, HARD, None) < LOSSES[name](wrong, HARD, None)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_takes_soft_targets_and_is_least_at_them(name):
    targets = SOFT.clamp_min(0.01)
    at_targets = targets.log().requires_grad_()

    LOSSES["cross-entropy"](at_targets, SOFT, None).backward()

    assert at_targets.grad.abs().max() < 0.02
    assert LOSSES[name](LOGITS, SOFT, None).ndim == 0


@pytest.mark.parametrize("name", LOSSES)
def test_weights_of_one_change_nothing_and_heavier_classes_count_more(name):
    plain = LOSSES[name](LOGITS, HARD, None)

    assert torch.isclose(LOSSES[name](LOGITS, HARD, torch.ones(3)), plain)
    assert LOSSES[name](LOGITS, HARD, torch.tensor([1.0, 1.0, 2.0])) > plain


def test_cross_entropy_by_hand():
    """Logits (0, ln 3): probabilities 1/4 and 3/4; target half and half."""
    logits, targets = torch.tensor([[0.0, math.log(3)]]), torch.tensor([[0.5, 0.5]])

    loss = LOSSES["cross-entropy"](logits, targets, None)

    assert math.isclose(loss, 0.5 * math.log(4) + 0.5 * math.log(4 / 3), rel_tol=1e-6)


def test_focal_loss_by_hand():
    """Probabilities 1/4 and 3/4, the second is right: (1 - 3/4)^2 ln(4/3)."""
    logits, targets = torch.tensor([[0.0, math.log(3)]]), torch.tensor([[0.0, 1.0]])

    assert math.isclose(LOSSES["focal"](logits, targets, None), math.log(4 / 3) / 16, rel_tol=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_stays_finite_when_the_answer_is_as_sure_as_wrong(name):
    logits = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)

    loss = LOSSES[name](logits, torch.tensor([[0.0, 1.0, 0.0]]), None)
    loss.backward()

    assert loss.isfinite()
    assert logits.grad.isfinite().all()


@pytest.mark.parametrize("name", LOSSES)
def test_the_order_of_a_batch_does_not_matter(name):
    assert torch.isclose(LOSSES[name](LOGITS.flip(0), SOFT.flip(0), None), LOSSES[name](LOGITS, SOFT, None))


def test_label_smoothing_is_cross_entropy_with_a_tenth_spread_over_the_classes():
    smoothed = 0.9 * HARD + 0.1 / 3

    expected = LOSSES["cross-entropy"](LOGITS, smoothed, None)

    assert torch.isclose(LOSSES["label-smoothing"](LOGITS, HARD, None), expected)
