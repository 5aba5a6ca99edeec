from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from lungml.models.backbones import build_backbone
from lungml.models.freezing import SCHEDULES, frozen_count, layer_groups, set_frozen
from lungml.models.table import BACKBONES
from lungml.params.model import WeightsParams

RANDOM = WeightsParams(source="random", seed=7)
FRACTIONS = (0.0, 0.3, 0.5, 1.0)


@pytest.fixture(scope="module", params=BACKBONES)
def network(request):
    with torch.device("meta"):
        return build_backbone(request.param, in_channels=1, weights=RANDOM)


def test_every_parameter_is_in_exactly_one_layer_group(network):
    names = [name for group in layer_groups(network) for name in group]

    assert sorted(names) == sorted(name for name, _ in network.named_parameters())
    assert len(layer_groups(network)) >= 5


def test_layer_groups_run_from_the_stem_to_the_output(network):
    names = [name for name, _ in network.named_parameters()]
    firsts = [min(names.index(name) for name in group) for group in layer_groups(network)]

    assert firsts == sorted(firsts)


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_exactly_the_first_groups_have_no_gradient(network, fraction):
    set_frozen(network, fraction)

    groups = layer_groups(network)
    trainable = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert trainable == {name for group in groups[frozen_count(len(groups), fraction) :] for name in group}


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_norm_layers_of_frozen_groups_stay_in_evaluation_mode_and_others_do_not(network, fraction):
    set_frozen(network, fraction)
    network.train()

    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d | nn.LayerNorm)]
    assert norms
    for norm in norms:
        assert norm.training == norm.weight.requires_grad


def test_statistics_and_weights_of_frozen_layers_do_not_move_in_training():
    network = build_backbone("resnet10t", in_channels=1, weights=RANDOM)
    set_frozen(network, 0.6)
    frozen = {name for group in layer_groups(network)[:3] for name in group}
    frozen_layers = {name.rsplit(".", 1)[0] for name in frozen}
    before = copy.deepcopy(network.state_dict())

    network.train()
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    images = torch.randn(4, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    network(images).square().mean().backward()
    optimizer.step()

    moved = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert not {name for name in moved if name.rsplit(".", 1)[0] in frozen_layers}
    assert any(name.endswith("running_mean") for name in moved)
    assert any(name.endswith("weight") for name in moved)


def test_dropout_and_drop_path_in_frozen_blocks_are_off():
    network = build_backbone("vit_tiny_patch16", in_channels=1, weights=RANDOM)
    set_frozen(network, 0.5)
    network.train()

    assert not network.blocks[0].mlp.drop1.training
    assert network.blocks[-1].mlp.drop1.training


def test_evaluation_mode_and_unfreezing_still_work():
    network = build_backbone("resnet10t", in_channels=1, weights=RANDOM)
    set_frozen(network, 1.0)
    network.train()
    assert not any(module.training for module in network.layer4.modules())

    set_frozen(network, 0.0)
    network.train()
    assert all(module.training for module in network.modules())
    network.eval()
    assert not any(module.training for module in network.modules())


def test_a_copy_of_a_frozen_network_freezes_itself_and_not_the_original():
    network = build_backbone("resnet10t", in_channels=1, weights=RANDOM)
    set_frozen(network, 0.6)
    network.eval()

    twin = copy.deepcopy(network)
    twin.train()

    assert twin.layer4.training
    assert not twin.bn1.training
    assert not network.layer4.training


@pytest.mark.parametrize("fraction", [-0.1, 1.1])
def test_a_fraction_outside_0_to_1_is_refused(fraction):
    network = build_backbone("resnet10t", in_channels=1, weights=RANDOM)

    with pytest.raises(ValueError, match="expected 0 to 1"):
        set_frozen(network, fraction)


SEED_STUDY = {
    "conservative": ((0.3, 0.5, 0.7), (5e-5, 2.75e-5, 5e-6)),
    "moderate": ((0.5, 0.7, 0.9), (5e-4, 2.75e-4, 5e-5)),
    "aggressive": ((0.9, 0.9, 0.9), (1e-3, 5.5e-4, 1e-4)),
}


@pytest.mark.parametrize("name", SEED_STUDY)
def test_schedules_are_the_seed_studys(name):
    trainable, rates = SEED_STUDY[name]

    schedule = SCHEDULES[name]

    assert [schedule.trainable_fraction(epoch, 3) for epoch in range(3)] == pytest.approx(trainable)
    assert [schedule.learning_rate(epoch, 3, tuned=1.0) for epoch in range(3)] == pytest.approx(rates)


def test_from_scratch_everything_trains_at_the_tuned_rate_with_cosine_decay():
    schedule = SCHEDULES["scratch"]

    rates = [schedule.learning_rate(epoch, 5, tuned=1e-2) for epoch in range(5)]

    assert schedule.trainable_fraction(0, 5) == 1
    assert rates == pytest.approx([1e-2, 8.55e-3, 5.05e-3, 1.55e-3, 1e-4], rel=1e-3)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_single_epoch_runs_at_the_first_rate(name):
    schedule = SCHEDULES[name]

    assert schedule.learning_rate(0, 1, tuned=1e-2) == schedule.learning_rate(0, 9, tuned=1e-2)


def test_an_epoch_beyond_the_last_is_refused():
    with pytest.raises(ValueError, match="epoch 5 is not one of 5"):
        SCHEDULES["scratch"].learning_rate(5, 5, tuned=1e-2)


def test_half_a_group_is_rounded_up():
    assert [frozen_count(5, fraction) for fraction in (0.0, 0.1, 0.5, 0.7, 1.0)] == [0, 1, 3, 4, 5]
    assert frozen_count(5, 1 - 0.9) == 1


@pytest.mark.parametrize("fraction", [0.0, 0.5])
def test_below_the_cut_statistics_never_change_and_above_it_as_the_policy_says(fraction):
    network = build_backbone("resnet10t", in_channels=1, weights=RANDOM)
    groups = layer_groups(network)
    frozen = {name for group in groups[: frozen_count(len(groups), fraction)] for name in group}
    layers = {name: layer for name, layer in network.named_modules() if isinstance(layer, nn.BatchNorm2d)}
    images = torch.randn(4, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    moved = {}
    for policy in ("trained", "frozen"):
        before = copy.deepcopy(network.state_dict())
        set_frozen(network, fraction, policy)
        network.train()
        network(images)
        moved[policy] = {
            name
            for name, layer in layers.items()
            if not torch.equal(layer.running_mean, before[f"{name}.running_mean"])
        }

    assert moved["trained"] == {name for name in layers if f"{name}.weight" not in frozen}
    assert moved["frozen"] == set()
    assert all(
        layer.weight.requires_grad == (f"{name}.weight" not in frozen) for name, layer in layers.items()
    )
