"""Batch norm layers that exchange their sums, in a group of one process: nothing may change."""

import copy

import pytest
import torch
from timm.layers.norm_act import BatchNormAct2d
from torch import nn

from lungml.training.processes import ALONE, Processes
from lungml.training.statistics import shared_statistics

LAYERS = {
    "images": (nn.BatchNorm2d(3), (4, 3, 5, 5)),
    "images, cumulative": (nn.BatchNorm2d(3, momentum=None), (4, 3, 5, 5)),
    "vectors": (nn.BatchNorm1d(3), (6, 3)),
    "without scale": (nn.BatchNorm2d(3, affine=False), (4, 3, 5, 5)),
    "timm's, with activation": (BatchNormAct2d(3, act_layer=nn.SiLU), (4, 3, 5, 5)),
}


@pytest.fixture(autouse=True, scope="module")
def group_of_one():
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def passed(layer, shape, *, dtype=torch.float32, steps=3):
    """Output, gradients and statistics after some steps."""
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        images = (5 + 2 * torch.randn(shape, generator=generator)).to(dtype).requires_grad_()
        layer.zero_grad()
        made = layer(images)
        (made.float() ** 3).mean().backward()
    gradients = {name: each.grad for name, each in layer.named_parameters()}
    return {"made": made, "images": images.grad, **gradients, **dict(layer.named_buffers())}


@pytest.mark.parametrize("kind", LAYERS)
def test_the_arithmetic_is_that_of_batch_norm(kind):
    layer, shape = LAYERS[kind]
    plain, shared = copy.deepcopy(layer), copy.deepcopy(layer)
    expected = passed(plain, shape)

    with shared_statistics(shared, Processes(0, 2)):
        found = passed(shared, shape)

    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.allclose(found[name].double(), value.double(), rtol=1e-4, atol=1e-5), name


def test_under_autocast_the_type_stays_what_it_was():
    layer = nn.BatchNorm2d(3)
    with shared_statistics(layer, Processes(0, 2)):
        assert passed(layer, (4, 3, 5, 5), dtype=torch.bfloat16)["made"].dtype == torch.bfloat16


def test_layers_in_evaluation_ask_nobody():
    layer = nn.BatchNorm2d(3).eval()
    expected = layer(torch.ones(2, 3, 4, 4))

    with shared_statistics(layer, Processes(0, 2)):
        torch.distributed.destroy_process_group()
        try:
            found = layer(torch.ones(2, 3, 4, 4))
        finally:
            torch.distributed.init_process_group(
                "gloo", store=torch.distributed.HashStore(), rank=0, world_size=1
            )

    assert torch.equal(found, expected)


@pytest.mark.parametrize("processes", [ALONE, Processes(0, 2)])
def test_afterwards_the_layers_are_as_before(processes):
    network = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU())
    with shared_statistics(network, processes):
        pass

    assert "forward" not in vars(network[0])


def test_alone_nothing_is_exchanged():
    layer = nn.BatchNorm2d(3)
    with shared_statistics(layer, ALONE):
        assert "forward" not in vars(layer)
