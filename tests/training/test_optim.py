import pytest
import torch
from torch import nn

from lungml.training.optim import OPTIMIZERS, Average, build_optimizer, decay_groups, set_learning_rate


def network():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))


def test_biases_and_norms_do_not_decay():
    decayed, spared = decay_groups(network(), 0.1)

    assert [tuple(p.shape) for p in decayed["params"]] == [(2, 1, 3, 3), (2, 2)]
    assert len(spared["params"]) == 4
    assert (decayed["weight_decay"], spared["weight_decay"]) == (0.1, 0.0)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_goes_downhill_at_the_set_rate_and_leaves_frozen_weights_alone(name):
    model = nn.Linear(1, 1)
    model.bias.requires_grad_(False)
    bias = model.bias.clone()
    with torch.no_grad():
        model.weight.fill_(1.0)
    optimizer = build_optimizer(name, model, weight_decay=0.0)
    losses = []
    for rate in (0.0, 0.1, 0.1, 0.1):
        loss = model.weight.square().sum()
        losses.append(float(loss.detach()))
        loss.backward()
        set_learning_rate(optimizer, rate)
        optimizer.step()
        optimizer.zero_grad()

    assert losses[0] == losses[1] > losses[2] > losses[3]
    assert torch.equal(model.bias, bias)


def test_sgd_is_nesterov_momentum():
    """Gradient 1 at rate 1, momentum 0.9: steps 1.9, then 1 + 0.9 * (1 + 0.9) = 2.71."""
    model = nn.Linear(1, 1, bias=False)
    optimizer = build_optimizer("sgd", model, weight_decay=0.0)
    set_learning_rate(optimizer, 1.0)
    places = [model.weight.item()]
    for _ in range(2):
        model.weight.grad = torch.ones(1, 1)
        optimizer.step()
        places.append(model.weight.item())

    assert places[0] - places[1] == pytest.approx(1.9, abs=1e-5)
    assert places[1] - places[2] == pytest.approx(2.71, abs=1e-5)


@pytest.mark.parametrize(("name", "share"), [("adam", 0.0), ("adamw", 1.0), ("sgd", 0.01)])
def test_each_optimizer_takes_its_share_of_the_weight_decay(name, share):
    optimizer = build_optimizer(name, network(), weight_decay=0.05)

    assert optimizer.param_groups[0]["weight_decay"] == pytest.approx(0.05 * share)


def test_the_average_of_constant_weights_is_these_weights():
    model = network()
    average = Average(model, 0.9)
    for _ in range(5):
        average.update(model)

    for name, value in model.state_dict().items():
        assert torch.allclose(average.state[name], value)


def test_the_average_follows_the_weights_by_its_decay():
    """From 0 towards 1: rates 1 - 2/11, 1 - 3/12, then 1 - 0.3 as the ceiling is reached."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = Average(model, 0.3)
    nn.init.ones_(model.weight)
    expected = 0.0
    for kept in (2 / 11, 3 / 12, 0.3, 0.3):
        average.update(model)
        expected = kept * expected + (1 - kept)
        assert float(average.state["weight"]) == pytest.approx(expected)


def test_an_average_without_decay_is_the_present_weights():
    model = network()
    average = Average(model, 0.0)
    model(torch.randn(4, 1, 3, 3))
    nn.init.ones_(model[0].weight)
    average.update(model)

    for name, value in model.state_dict().items():
        assert torch.equal(average.state[name], value)
