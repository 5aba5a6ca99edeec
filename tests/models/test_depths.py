from __future__ import annotations

import numpy as np
import pytest
import torch

from lungml.imaging.intensity import Normalisation, normalise
from lungml.models.backbones import build_backbone, embedding_size
from lungml.models.depths import embed_batches, normalised_batches
from lungml.models.freezing import frozen_count, layer_groups
from lungml.params.model import WeightsParams

RANDOM = WeightsParams(source="random", seed=7)
ONE_OF_EACH_FAMILY = (
    "resnet10t",
    "mobilenetv3_small_050",
    "mobilenetv4_conv_small",
    "convnext_atto",
    "densenet121",
    "regnety_002",
    "starnet_s1",
    "efficientvit_b0",
    "hgnetv2_b0",
    "vit_tiny_patch16",
)


def images(count: int = 2, size_px: int = 32) -> torch.Tensor:
    return torch.randn(count, 1, size_px, size_px, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ONE_OF_EACH_FAMILY)
def test_an_embedding_depends_on_all_layers_before_its_depth_and_on_none_after(name):
    network = build_backbone(name, in_channels=1, weights=RANDOM)
    groups = layer_groups(network)
    boundary = frozen_count(len(groups), 0.6)
    before = embed_batches(network, [images()], (0.6,))[0.6]

    _disturb(network, [name for group in groups[boundary:] for name in group])
    same = embed_batches(network, [images()], (0.6,))[0.6]
    _disturb(network, groups[boundary - 1])
    other = embed_batches(network, [images()], (0.6,))[0.6]

    assert (same == before).all()
    assert not np.allclose(other, before)


def _disturb(network, names) -> None:
    with torch.no_grad():
        for name in names:
            network.get_parameter(name).add_(0.5)


@pytest.mark.parametrize("name", ["resnet10t", "vit_tiny_patch16"])
def test_the_deepest_embedding_is_the_output_of_the_network(name):
    network = build_backbone(name, in_channels=1, weights=RANDOM)

    found = embed_batches(network, [images()], (0.5, 1.0))[1.0]

    with torch.inference_mode():
        expected = network.eval()(images()).numpy()
    assert found.shape == (2, embedding_size(network))
    assert found == pytest.approx(expected, abs=1e-5)


def test_a_shallow_embedding_is_the_mean_of_the_feature_map_at_that_place():
    network = build_backbone("resnet10t", in_channels=1, weights=RANDOM).eval()

    found = embed_batches(network, [images()], (0.4,))[0.4]  # 2 of 5 groups: stem and layer1

    with torch.inference_mode():
        stem = network.maxpool(network.act1(network.bn1(network.conv1(images()))))
        expected = network.layer1(stem).mean(dim=(2, 3)).numpy()
    assert found == pytest.approx(expected, abs=1e-5)


def test_a_dense_networks_embedding_holds_all_feature_maps_the_next_layer_gets():
    network = build_backbone("densenet121", in_channels=1, weights=RANDOM)

    found = embed_batches(network, [images()], (3 / 60,))[3 / 60]  # stem and two dense layers

    assert found.shape == (2, 64 + 2 * 32)


def test_token_embeddings_leave_the_class_token_out():
    network = build_backbone("vit_tiny_patch16", in_channels=1, weights=RANDOM).eval()

    found = embed_batches(network, [images()], (0.01,))[0.01]

    with torch.inference_mode():
        tokens = network.patch_embed(images())
        placed = network._pos_embed(tokens)  # class token first
    assert found == pytest.approx(placed[:, 1:].mean(dim=1).numpy(), abs=1e-5)


@pytest.mark.parametrize("name", ["resnet10t", "convnext_atto"])
def test_the_size_of_a_batch_changes_nothing_but_rounding(name):
    network = build_backbone(name, in_channels=1, weights=RANDOM)
    depths = (0.2, 0.6, 1.0)

    whole = embed_batches(network, [images(7)], depths)
    pieces = embed_batches(network, images(7).split(3), depths)

    for depth in depths:
        assert np.abs(whole[depth] - pieces[depth]).max() < 1e-4 * np.abs(whole[depth]).max()


def test_no_hook_is_left_on_the_network():
    network = build_backbone("resnet10t", in_channels=1, weights=RANDOM)

    embed_batches(network, [images()], (0.2, 0.6))

    assert not any(module._forward_pre_hooks for module in network.modules())


def test_batches_are_all_images_in_order_and_normalised():
    images_hu = np.arange(5 * 4).reshape(5, 1, 2, 2).astype(np.int16)
    normalisation = Normalisation("window", ((-1000.0, 400.0),), means=(0.5,), stds=(0.2,))

    batches = list(normalised_batches(images_hu, normalisation, 2))

    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert torch.cat(batches).numpy() == pytest.approx(normalise(images_hu, normalisation))
