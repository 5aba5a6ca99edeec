import pytest
import torch
from timm.optim import param_groups_layer_decay
from torch import nn
from training_examples import make_classifier

from lungml.models.backbones import build_backbone
from lungml.models.classifier import Classifier
from lungml.models.table import BACKBONES
from lungml.params.model import WeightsParams
from lungml.training.optim import (
    OPTIMIZERS,
    Average,
    build_optimizer,
    layer_rate_shares,
    parameter_groups,
    set_learning_rate,
)


def network():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))


def test_biases_and_norms_do_not_decay():
    decayed, spared = parameter_groups(network(), 0.1, {})

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
        average.update()

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
        average.update()
        expected = kept * expected + (1 - kept)
        assert float(average.state["weight"]) == pytest.approx(expected)


def test_an_average_without_decay_is_the_present_weights():
    model = network()
    average = Average(model, 0.0)
    model(torch.randn(4, 1, 3, 3))
    nn.init.ones_(model[0].weight)
    average.update()

    for name, value in model.state_dict().items():
        assert torch.equal(average.state[name], value)


def test_layers_learn_the_slower_the_farther_they_are_from_the_head():
    """Two layer groups before the head: 0.5 squared, 0.5, 1."""
    classifier = make_classifier()

    shares = layer_rate_shares(classifier, 0.5)
    optimizer = build_optimizer("adamw", classifier, 0.05, shares)
    set_learning_rate(optimizer, 0.8)

    rates = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    found = {name: rates[id(parameter)] for name, parameter in classifier.named_parameters()}
    assert {rate for name, rate in found.items() if name.startswith("backbone.0")} == {0.2}
    assert {rate for name, rate in found.items() if name.startswith("backbone.1")} == {0.4}
    assert {rate for name, rate in found.items() if name.startswith("head")} == {0.8}


@pytest.mark.parametrize("backbone", BACKBONES)
def test_rates_of_layers_follow_the_closed_form_as_timms_do(backbone):
    """timm counts from its last layer group, which is one step away from our head."""
    with torch.device("meta"):
        network = build_backbone(backbone, in_channels=1, weights=WeightsParams())
    classifier = Classifier(network, nn.Linear(2, 2))

    shares = layer_rate_shares(classifier, 0.75)

    of_timm = {
        id(parameter): group["lr_scale"]
        for group in param_groups_layer_decay(network, layer_decay=0.75)
        for parameter in group["params"]
    }
    for name, parameter in network.named_parameters():
        assert shares[f"backbone.{name}"] == pytest.approx(0.75 * of_timm[id(parameter)])
    assert set(shares) == {f"backbone.{name}" for name, _ in network.named_parameters()}


def test_without_decay_of_layers_there_are_two_groups_at_one_rate():
    classifier = make_classifier()

    groups = parameter_groups(classifier, 0.05, layer_rate_shares(classifier, 1.0))

    assert [group["rate_share"] for group in groups] == [1.0, 1.0]


def test_an_average_leaves_out_what_stands_still_and_comes_to_the_same():
    found = []
    for follows in (True, False):
        model = network()
        nn.init.constant_(model[3].weight, 0.25)
        average = Average(model, 0.9)
        model[0].requires_grad_(False)
        model[1].eval().requires_grad_(False)
        with torch.no_grad():
            model[1].weight.add_(1.0)  # moved before it was frozen: the average has not reached it
        for _ in range(4):
            if follows:
                average.follow()
            with torch.no_grad():
                model[3].weight.add_(0.5)
            average.update()
        found.append((average.state, set(average._pairs)))

    (narrow, moving), (wide, _) = found
    assert moving == {"1.weight", "3.weight", "3.bias"}
    assert torch.equal(narrow["1.weight"], wide["1.weight"])
    assert torch.equal(narrow["3.weight"], wide["3.weight"])
    assert 1 < float(narrow["1.weight"][0]) < 2


def test_one_pass_over_the_weights_walks_where_torchs_plain_adamw_does():
    torch.manual_seed(0)
    ours, plain = network(), network()
    plain.load_state_dict(ours.state_dict())
    fused = build_optimizer("adamw", ours, weight_decay=0.1)
    set_learning_rate(fused, 0.01)
    groups = [
        {"params": [p for p in plain.parameters() if (p.ndim > 1) == decays], "weight_decay": decay}
        for decays, decay in ((True, 0.1), (False, 0.0))
    ]
    reference = torch.optim.AdamW(groups, lr=0.01, fused=False, foreach=False)
    for step in range(5):
        for model, optimizer in ((ours, fused), (plain, reference)):
            for parameter in model.parameters():
                generator = torch.Generator().manual_seed(step)
                parameter.grad = torch.randn(parameter.shape, generator=generator)
            optimizer.step()

    for one, other in zip(ours.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(one, other, rtol=1e-5, atol=1e-7)
