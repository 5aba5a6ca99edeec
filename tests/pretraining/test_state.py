"""Where a pretraining stands, on losses that are written here."""

import pytest
import torch
from training_examples import TinyBackbone
from unlabelled_images import PARAMS

from lungml.pretraining.state import PretrainState
from lungml.pretraining.vicreg import Terms


def terms(value):
    return Terms(*(torch.tensor(value + part) for part in (0.0, 1.0, 2.0, 3.0)))


def step(state, loss, nodules):
    state.finish_step(torch.tensor(loss), terms(loss), nodules)


def opened():
    state = PretrainState(TinyBackbone(), PARAMS)
    state.open_epoch()
    return state


def test_an_epoch_is_the_mean_over_its_nodules_and_not_over_its_steps():
    state = opened()
    step(state, 1.0, nodules=2)
    step(state, 4.0, nodules=1)

    record = state.close_epoch()

    assert record.loss == 2.0  # (1 + 1 + 4) / 3
    assert (record.invariance, record.variance, record.covariance, record.deviation) == (2.0, 3.0, 4.0, 5.0)
    assert record.images_per_s * record.seconds == pytest.approx(2 * 3)  # two images of a nodule


def test_an_epoch_knows_nothing_of_the_one_before():
    state = opened()
    step(state, 1.0, nodules=8)
    state.close_epoch()
    step(state, 5.0, nodules=2)

    record = state.close_epoch()

    assert (record.epoch, record.loss, state.step) == (2, 5.0, 0)
    assert [each.epoch for each in state.records] == [1, 2]


def test_a_checkpoint_between_two_steps_loses_nothing_of_the_epoch():
    state = opened()
    step(state, 1.0, nodules=2)
    other = PretrainState(TinyBackbone(), PARAMS)
    other.load_state_dict(state.state_dict())
    other.open_epoch()

    for each in (state, other):
        step(each, 4.0, nodules=1)

    assert other.step == state.step == 2
    assert other.close_epoch().lasting() == state.close_epoch().lasting()


def test_the_expander_is_drawn_from_the_seed_alone():
    torch.manual_seed(1)
    first = PretrainState(TinyBackbone(), PARAMS).network[1].state_dict()
    torch.manual_seed(2)
    again = PretrainState(TinyBackbone(), PARAMS).network[1].state_dict()
    other = PretrainState(TinyBackbone(), PARAMS.model_copy(update={"seed": 4})).network[1].state_dict()

    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_everything_that_is_trained_is_where_the_backbone_is():
    state = PretrainState(TinyBackbone().to("meta"), PARAMS)

    assert {parameter.device.type for parameter in state.network.parameters()} == {"meta"}
