from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lungml.models.backbones import build_backbone
from lungml.models.depths import difference
from lungml.models.embedder import Embedder, agreeing
from lungml.models.precision import EXACT, Engine
from lungml.params.backbones import BACKBONE_NAMES
from lungml.params.model import WeightsParams

HALF = Engine("cpu", "bfloat16")
DEPTHS = (0.2, 0.6, 1.0)
LARGE = {"convnext_tiny", "densenet121", "efficientnet_b4", "mobilenetv2_100", "vit_small_patch14_dinov2"}
SAME_AS_ANOTHER = {"mobilenetv2_100_coral"}
SMALL = [name for name in BACKBONE_NAMES if name not in LARGE | SAME_AS_ANOTHER]


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Bessel(torch.nn.Module):
    """Odd and smooth, and unknown to OpenVINO."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return torch.special.i1(maps.float())


def images(count: int = 4, seed: int = 0, size_px: int = 64) -> torch.Tensor:
    """Smooth, as scans are: (count, 1, size_px, size_px) of deviation 1."""
    noise = torch.randn(count, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.interpolate(noise, (size_px, size_px), mode="bicubic")
    return smooth / smooth.std()


def network(name: str) -> torch.nn.Module:
    return build_backbone(name, in_channels=1, weights=WeightsParams(seed=7))


def same_bytes(found, expected) -> bool:
    return all((found[depth] == expected[depth]).all() for depth in DEPTHS)


@pytest.mark.parametrize("compiled", [False, True], ids=["torch", "openvino"])
@pytest.mark.parametrize("name", SMALL)
def test_embeddings_asked_for_in_bfloat16_agree_with_float32_to_a_hundredth(name, compiled):
    backbone = network(name)
    embedder, off = agreeing(Embedder(backbone, DEPTHS, HALF, compiled), images(), tolerance=0.01)

    exact, found = (each.embed([images()]) for each in (Embedder(backbone, DEPTHS), embedder))

    assert embedder.compiled == compiled
    assert (embedder.engine == EXACT) == (off > 0.01)
    assert difference(found, exact) <= (0.01 if embedder.engine == HALF else 1e-3)


def test_a_network_that_bfloat16_would_change_is_computed_with_float32():
    wished = Embedder(network("mobilenetv3_small_100"), DEPTHS, HALF)

    embedder, off = agreeing(wished, images(), tolerance=0.001)

    assert embedder.engine == EXACT
    assert off > 0.001


def test_float32_of_torch_is_not_compared_with_itself():
    wished = Embedder(network("resnet10t"), DEPTHS)

    assert agreeing(wished, images(), tolerance=0.01) == (wished, 0.0)


def test_torch_takes_over_where_a_compiled_network_is_not_near_enough_either():
    wished = Embedder(network("resnet10t"), DEPTHS, HALF, compiled=True)

    embedder, off = agreeing(wished, images(), tolerance=1e-12)

    assert (embedder.compiled, embedder.engine) == (False, EXACT)
    assert off > 1e-12


def test_torch_computes_what_openvino_cannot_convert():
    backbone = network("resnet10t")
    backbone.act1 = Bessel()

    embedder, off = agreeing(Embedder(backbone, DEPTHS, HALF, compiled=True), images(), tolerance=0.01)

    assert (embedder.compiled, embedder.engine) == (False, HALF)
    assert off == math.inf


@pytest.mark.parametrize("name", ["resnet10t", "densenet121", "vit_tiny_patch16"])
def test_a_compiled_network_differs_from_torch_by_rounding(name):
    backbone = network(name)

    found, exact = (
        Embedder(backbone, DEPTHS, EXACT, compiled).embed([images()]) for compiled in (True, False)
    )

    assert 0 < difference(found, exact) < 1e-3
    assert all(vectors.dtype == np.float32 for vectors in found.values())


def test_a_compiled_network_gives_an_image_the_same_bytes_in_any_batch_and_with_any_threads():
    backbone, several = network("mobilenetv3_small_050"), images(7)
    whole = Embedder(backbone, DEPTHS, EXACT, compiled=True).embed([several])

    pieces = Embedder(backbone, DEPTHS, EXACT, compiled=True).embed(several.split(3))
    torch.set_num_threads(3)
    threads = Embedder(backbone, DEPTHS, EXACT, compiled=True).embed([several])

    assert same_bytes(pieces, whole)
    assert same_bytes(threads, whole)


def test_a_compiled_network_takes_images_of_another_size():
    backbone = network("resnet10t")
    both = [images(), images(size_px=96)]

    found, exact = (Embedder(backbone, DEPTHS, EXACT, compiled).embed(both) for compiled in (True, False))

    assert difference(found, exact) < 1e-3


def test_depths_of_the_same_layer_are_the_same_embedding():
    found = Embedder(network("resnet10t"), (0.4, 0.41), EXACT, compiled=True).embed([images()])

    assert (found[0.4] == found[0.41]).all()


def test_compiling_leaves_no_hook_on_the_network():
    backbone = network("resnet10t")

    Embedder(backbone, DEPTHS, EXACT, compiled=True).embed([images()])

    assert not any(module._forward_pre_hooks for module in backbone.modules())
