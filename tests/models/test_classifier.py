from __future__ import annotations

import torch

from lungml.models.backbones import build_backbone, embedding_size
from lungml.models.classifier import Classifier
from lungml.models.freezing import set_frozen
from lungml.models.heads import build_head
from lungml.params.model import WeightsParams


def classifier() -> Classifier:
    backbone = build_backbone("mobilenetv3_small_050", in_channels=1, weights=WeightsParams(seed=1))
    return Classifier(backbone, build_head("linear", embedding_size(backbone), 5))


def test_logits_are_the_head_of_the_backbone():
    network = classifier().eval()
    images = torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))

    with torch.inference_mode():
        logits = network(images)
        expected = network.backbone(images) @ network.head.weight.T + network.head.bias

    assert logits.shape == (2, 5)
    assert torch.allclose(logits, expected, atol=1e-6)


def test_training_the_classifier_keeps_a_frozen_backbone_in_evaluation_mode():
    network = classifier()
    set_frozen(network.backbone, 1.0)

    network.train()

    assert network.head.training
    assert not any(module.training for module in network.backbone.modules())
