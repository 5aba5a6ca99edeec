"""A backbone and a head as one network."""

from __future__ import annotations

from torch import Tensor, nn


class Classifier(nn.Module):
    """Normalised images (N, C, H, W) -> logits (N, K)."""

    def __init__(self, backbone: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Logits of images; softmax makes them probabilities."""
        logits: Tensor = self.head(self.backbone(images))
        return logits
