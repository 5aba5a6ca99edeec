import numpy as np
import pytest
import torch
from pytorch_grad_cam import GradCAMPlusPlus, RandomCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn

from lungml.errors import ModelError
from lungml.explain.gradcam import enlarge, gather_evidence, grad_cam, into_centre, random_cam
from lungml.models.backbones import build_backbone, embedding_size
from lungml.models.classifier import Classifier
from lungml.models.table import BACKBONES
from lungml.params.model import WeightsParams

LAST_MAPS = {
    "convnext_tiny": "stages",
    "densenet121": "features",
    "efficientnet_b4": "bn2",
    "mobilenetv2_100": "bn2",
    "resnet10t": "layer4",
    "resnet18": "layer4",
    "mobilenetv3_small_050": "blocks",
    "mobilenetv3_small_100": "blocks",
    "mobilenetv4_conv_small": "blocks",
    "convnext_atto": "stages",
    "convnext_femto": "stages",
    "efficientnet_b0": "bn2",
    "regnety_002": "s4",
    "starnet_s1": "norm",
    "efficientvit_b0": "stages",
    "hgnetv2_b0": "stages",
    "vit_tiny_patch16": "blocks.11.norm1",
    "vit_small_patch14_dinov2": "blocks.11.norm1",
    "mobilenetv2_100_coral": "bn2",
}
"""Backbone -> the module whose output it pools, or the tokens that enter the last block."""
EARLIER_MAPS = {"resnet10t": "layer3", "convnext_atto": "stages.2", "densenet121": "features.denseblock3"}


def test_each_backbone_of_the_table_is_held_against_pytorch_grad_cam():
    assert set(LAST_MAPS) == set(BACKBONES)


@pytest.mark.parametrize(("backbone", "layer"), LAST_MAPS.items())
def test_maps_of_the_last_features_equal_those_of_pytorch_grad_cam(backbone, layer):
    classifier, images, classes = setting(backbone)

    found = grad_cam(classifier, images, classes, 1)

    assert_equal_maps(found, by_the_library(classifier, layer, images, classes))


@pytest.mark.parametrize(("backbone", "layer"), EARLIER_MAPS.items())
def test_maps_of_an_earlier_stage_equal_those_of_pytorch_grad_cam(backbone, layer):
    classifier, images, classes = setting(backbone)

    found = grad_cam(classifier, images, classes, 4)

    assert found.shape[1:] == (4, 4)
    assert_equal_maps(found, by_the_library(classifier, layer, images, classes))


def test_random_maps_equal_those_of_pytorch_grad_cam_with_the_same_weights(monkeypatch):
    classifier, images, classes = setting("resnet10t")
    weights = torch.rand(3, 512, generator=torch.Generator().manual_seed(8)) * 2 - 1
    monkeypatch.setattr(np.random, "uniform", lambda _low, _high, size: weights.numpy().reshape(size))

    found = random_cam(gather_evidence(classifier, images, classes, 1), torch.Generator().manual_seed(8))

    assert_equal_maps(found, by_the_library(classifier, "layer4", images, classes, RandomCAM))


def test_a_map_of_a_batch_is_the_map_of_each_image():
    classifier, images, classes = setting("resnet10t")

    together = grad_cam(classifier, images, classes, 4)

    one_by_one = [grad_cam(classifier, images[i : i + 1], classes[i : i + 1], 4) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(one_by_one), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("frozen", [True, False])
def test_the_model_is_left_as_it_was(frozen):
    classifier, images, classes = setting("resnet10t")
    classifier.requires_grad_(not frozen)
    before = {name: value.clone() for name, value in classifier.state_dict().items()}

    for min_cells in (1, 4):
        grad_cam(classifier, images, classes, min_cells)

    assert all(torch.equal(value, before[name]) for name, value in classifier.state_dict().items())
    assert all(parameter.grad is None for parameter in classifier.parameters())
    assert not any(module._forward_hooks for module in classifier.modules())


def test_what_speaks_against_the_class_alone_gives_an_empty_map():
    classifier, images, classes = setting("resnet10t")
    with torch.no_grad():  # the features are at least 0, so with negative weights nothing speaks for class 1
        classifier.head.weight[1] = -classifier.head.weight[1].abs()

    assert not grad_cam(classifier, images, torch.ones_like(classes), 1).any()


def test_the_map_points_at_the_quarter_that_the_head_asks_for():
    class Quarters(nn.Module):
        """The mean brightness of each quarter of the image."""

        num_features = 1
        feature_info = ({"module": "pool", "reduction": 4},)

        def forward_features(self, images):
            return nn.functional.avg_pool2d(images, 4)

        def forward_head(self, maps):
            return maps.flatten(1)

    head = nn.Linear(4, 2, bias=False)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[0.0, 0, 0, 0], [0, 0, 1, 0]]))
    classifier = Classifier(Quarters(), head)
    bright_below_left = torch.full((1, 1, 8, 8), 0.1)
    bright_below_left[..., 4:, :4] = 1.0

    (found,) = grad_cam(classifier, bright_below_left, torch.tensor([1]), 1)

    assert found.argmax() == 2


def test_a_backbone_without_a_feature_map_is_refused():
    class Sequence(nn.Module):
        num_features = 8
        feature_info = ({"module": "all", "reduction": 1},)

        def forward_features(self, images):
            return images.flatten(1)

    with pytest.raises(ModelError, match="expected"):
        grad_cam(Classifier(Sequence(), nn.Linear(8, 2)), torch.zeros(1, 1, 4, 4), torch.tensor([0]), 1)


def test_enlarging_keeps_a_constant_map_constant_and_never_overshoots():
    torch.testing.assert_close(enlarge(torch.ones(1, 3, 3), (10, 10)), torch.ones(1, 10, 10))
    steps = enlarge(torch.tensor([[[0.0, 1.0]]]), (4, 8))
    assert steps.min() == 0
    assert steps.max() == 1


def test_a_map_of_the_middle_goes_back_to_the_middle():
    placed = into_centre(torch.ones(1, 8, 8), 0.5)

    assert (placed[0, 2:6, 2:6] == 1).all()
    assert placed.sum() == 16


def test_a_peak_in_a_map_of_the_middle_is_half_as_far_from_the_centre_in_the_image():
    peak = torch.zeros(1, 32, 32)
    peak[0, 4:6, 24:26] = 1  # 11 pixels above the centre, 9 to the right

    (placed,) = into_centre(peak, 0.5)

    y, x = (axis.float() - 15.5 for axis in torch.meshgrid(torch.arange(32), torch.arange(32), indexing="ij"))
    assert ((placed * y).sum() / placed.sum()).item() == pytest.approx(-5.5)
    assert ((placed * x).sum() / placed.sum()).item() == pytest.approx(4.5)


def test_a_map_of_all_of_an_image_stays_as_it_is():
    whole = torch.rand(2, 8, 8)

    assert into_centre(whole, 1.0) is whole


def setting(backbone: str):
    """An untrained classifier of two classes, three noise images of 64 px, and a class for each."""
    network = build_backbone(backbone, in_channels=1, weights=WeightsParams(seed=3))
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(3, 1, 64, 64, generator=generator)
    head = nn.Linear(embedding_size(network), 2)
    with torch.no_grad():
        head.weight.copy_(torch.randn(head.weight.shape, generator=generator))
    return Classifier(network, head).eval(), images, torch.tensor([0, 1, 0])


def by_the_library(classifier, layer, images, classes, method=GradCAMPlusPlus):
    """Its maps, enlarged to the images and stretched from 0 to 1."""
    classifier.requires_grad_(True)
    targets = [ClassifierOutputTarget(int(number)) for number in classes]
    with method(classifier, [classifier.backbone.get_submodule(layer)], on_the_grid) as cam:
        return cam(images.clone(), targets)


def on_the_grid(features):
    """Tokens as pytorch-grad-cam wants them: without the class token, channels first."""
    if features.ndim == 4:
        return features
    side = int((features.shape[1] - 1) ** 0.5)
    return features[:, 1:].reshape(len(features), side, side, -1).permute(0, 3, 1, 2)


def assert_equal_maps(found, expected):
    """To 1e-4 of the highest point; the library stretches each map from 0 to 1, and so do we here."""
    ours = enlarge(found, expected.shape[1:]).numpy()
    ours -= ours.min(axis=(1, 2), keepdims=True)
    high = ours.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(np.divide(ours, high, where=high > 0, out=ours), expected, atol=1e-4)
    assert expected.max() == pytest.approx(1.0, abs=1e-3)  # not all of them are empty
