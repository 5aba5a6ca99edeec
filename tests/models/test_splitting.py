from __future__ import annotations

import pytest
import torch
from torch import nn

from lungml.models.backbones import build_backbone
from lungml.models.freezing import frozen_count, layer_groups, set_frozen
from lungml.models.splitting import RestOfClassifier, split_backbone
from lungml.models.table import BACKBONES
from lungml.params.model import WeightsParams

FRACTIONS = (0.2, 0.5, 0.7, 1.0)


@pytest.fixture(scope="module", params=BACKBONES)
def network(request):
    return build_backbone(request.param, in_channels=1, weights=WeightsParams(seed=7))


def images(count=3):
    side = 56  # a multiple of 14, for DINOv2's patches
    return torch.randn(count, 1, side, side, generator=torch.Generator().manual_seed(0))


def output(network, *inputs):
    """In training: with the same draws of dropout, and with statistics as they were."""
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        found = network(*inputs).detach()
    network.load_state_dict(before)
    return found


@pytest.mark.parametrize("fraction", FRACTIONS)
def test_the_rest_of_a_backbone_behind_its_frozen_part_gives_the_bytes_of_the_whole(network, fraction):
    set_frozen(network, fraction)
    network.train()
    split = split_backbone(network)
    assert split is not None

    whole = output(network, images())
    with torch.no_grad():
        kept = split.prefix(images())

    assert torch.equal(output(split.rest, *kept), whole)
    network.eval()
    assert torch.equal(output(split.rest, *kept), output(network, images()))


@pytest.mark.parametrize("fraction", [0.0, *FRACTIONS])
def test_exactly_the_frozen_layers_are_in_the_frozen_part(network, fraction):
    set_frozen(network, fraction)
    network.train()
    groups = layer_groups(network)
    frozen = frozen_count(len(groups), fraction)

    split = split_backbone(network)

    of_prefix, of_rest = (
        {name for name, _ in part.named_parameters()} for part in (split.prefix, split.rest)
    )
    assert of_prefix == {name for group in groups[:frozen] for name in group}
    assert of_rest == {name for group in groups[frozen:] for name in group}


def test_one_image_of_those_that_were_kept_goes_on_alone(network):
    set_frozen(network, 0.5)
    network.eval()
    split = split_backbone(network)

    with torch.no_grad():
        kept = split.prefix(images())
        together = split.rest(*kept)
        alone = split.rest(*(each[1:2] for each in kept))

    assert torch.allclose(alone[0], together[1], atol=1e-4 * float(together.abs().max()))


class Branching(nn.Module):
    """Its way depends on the values of its input."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))

    def group_matcher(self, coarse=False):
        return {"blocks": r"^layers\.(\d+)"}

    def forward(self, values):
        return self.layers(values) if values.sum() > 0 else values


class Dropping(Branching):
    """It draws outside of its layers, so that a graph would fix whether it is in training."""

    def forward(self, values):
        return torch.nn.functional.dropout(self.layers(values), 0.5, self.training)


@pytest.mark.parametrize("kind", [Branching, Dropping])
def test_a_network_whose_graph_would_be_wrong_is_not_cut(kind):
    network = kind()
    set_frozen(network, 0.5)

    assert split_backbone(network) is None


def test_the_parts_hold_the_layers_themselves():
    network = build_backbone("resnet10t", in_channels=1, weights=WeightsParams(seed=7))
    set_frozen(network, 0.6)
    network.train()

    split = split_backbone(network)

    head = nn.Linear(512, 2)
    rest = RestOfClassifier(split.rest, head)
    assert split.prefix.get_submodule("layer1") is network.layer1
    assert rest.backbone.get_submodule("layer4") is network.layer4
    assert rest.head is head
    assert set(rest.state_dict()) <= {f"backbone.{name}" for name in network.state_dict()} | {
        "head.weight",
        "head.bias",
    }
