"""Where a training stands, on losses and results that are written here."""

import pytest
import torch
from training_examples import RECIPE, make_classifier
from training_runs import equal, weights

from lungml.training.state import TrainingState
from lungml.training.validation import Validation

GOOD, BETTER = Validation(0.5, 0.7, 0.6), Validation(0.4, 0.7, 0.6)


def opened(recipe=RECIPE):
    state = TrainingState(make_classifier(), "sgd", recipe)
    state.open_epoch()
    return state


def moved(state, by):
    """Add `by` to all weights, as a step of the optimizer would."""
    with torch.no_grad():
        for parameter in state.classifier.parameters():
            parameter.add_(by)
    state.finish_step(1.0, images=8)


def test_the_loss_of_an_epoch_is_the_mean_over_its_images_and_not_over_its_steps():
    state = opened()
    state.finish_step(1.0, images=8)
    state.finish_step(4.0, images=4)
    state.close_epoch("schedule", GOOD, keep="best")

    (record,) = state.records

    assert record.train_loss == 2.0  # (8 * 1 + 4 * 4) / 12
    assert (record.epoch, record.val_loss, record.val_weighted_auprc) == (1, 0.5, 0.7)
    assert record.images_per_s * record.seconds == pytest.approx(12)


@pytest.mark.parametrize(("keep", "epoch"), [("best", 2), ("last", 3)])
def test_the_kept_weights_are_of_the_best_epoch_or_of_the_last(keep, epoch):
    state, kept = opened(), {}
    for number, result in enumerate((GOOD, BETTER, GOOD), start=1):
        moved(state, 0.5)
        state.close_epoch("schedule", result, keep=keep)
        kept[number] = {name: value.clone() for name, value in state.average.state.items()}

    state.roll_back()

    assert state.best_epoch == epoch
    assert equal(weights(state.classifier), kept[epoch])
    assert not equal(kept[2], kept[3])


def test_before_an_epoch_is_over_there_is_nothing_to_go_back_to():
    state = opened()
    moved(state, 0.5)
    before = weights(state.classifier)

    state.roll_back()

    assert equal(weights(state.classifier), before)


def test_one_weight_that_is_no_number_makes_a_training_unsound():
    state = opened()
    assert state.is_sound()

    with torch.no_grad():
        next(state.classifier.parameters()).view(-1)[0] = torch.inf

    assert not state.is_sound()


def test_a_checkpoint_between_two_steps_loses_nothing():
    state, other = opened(), opened()
    moved(state, 0.5)
    state.close_epoch("head", GOOD, keep="best")
    moved(state, 0.25)
    other.load_state_dict(state.state_dict())
    other.open_epoch()

    for each in (state, other):
        each.finish_step(3.0, images=8)
        each.close_epoch("schedule", BETTER, keep="best")

    assert [each.lasting() for each in other.records] == [each.lasting() for each in state.records]
    assert other.records[-1].train_loss == 2.0
    assert equal(weights(other.classifier), weights(state.classifier))
    assert (other.best, other.best_epoch) == (BETTER, 2)
    assert equal(other.best_weights, state.best_weights)
