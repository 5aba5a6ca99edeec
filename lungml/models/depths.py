"""Embeddings at several depths of a frozen backbone, in one pass over the images.

The embedding at depth d is the input of the first layer after the share d of the ordered layer groups, the
very layers `set_frozen(backbone, d)` freezes, averaged over the image; at depth 1 it is the output.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lungml.imaging.intensity import Normalisation, normalise
from lungml.models.freezing import frozen_count, layer_groups
from lungml.models.precision import EXACT, Engine, computing

Depths = dict[float, NDArray[np.float32]]
"""Depth -> (N, D), D as wide as the network is there."""


def normalised_batches(
    images_hu: NDArray[np.int16], normalisation: Normalisation, batch_size: int
) -> Iterator[Tensor]:
    """Network inputs in order, (n, C, H, W) float32 each, read from a memory map as they are needed."""
    for start in range(0, len(images_hu), batch_size):
        yield normalise(torch.from_numpy(images_hu[start : start + batch_size].copy()), normalisation)


def embed_batches(
    backbone: nn.Module,
    batches: Iterable[Tensor],
    depths: Sequence[float],
    engine: Engine = EXACT,
) -> Depths:
    """Embeddings of all images at every depth.

    How images are grouped into batches, and how many threads or processes compute, changes values by
    rounding only: in float32 less than 1e-4 of the largest.

    Args:
        backbone: timm network without classifier; it is left in evaluation mode, on the engine's device.
        batches: normalised images, (n, C, H, W) each.
        depths: shares of the layer groups, above 0 and up to 1; at least one group is used.
        engine: on what to compute; means over places are of float32 in any case.
    """
    backbone = backbone.eval().to(engine.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    parts: dict[float, list[NDArray[np.float32]]] = {depth: [] for depth in depths}
    with computing(engine), _inputs_of_groups(backbone, depths) as (seen, groups):
        for batch in batches:
            seen.clear()
            output = backbone(batch.to(engine.device, memory_format=torch.channels_last))
            for depth in depths:
                vectors = seen.get(_groups_before(depth, groups), output)
                parts[depth].append(vectors.float().cpu().numpy())
    return {depth: np.concatenate(vectors) for depth, vectors in parts.items()}


class AtDepths(nn.Module):
    """A backbone as a network whose outputs are its embeddings, for what makes a graph of a network."""

    def __init__(self, backbone: nn.Module, depths: Sequence[float]) -> None:
        super().__init__()
        self.backbone = backbone
        self.depths = tuple(depths)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """(n, C, H, W) -> (n, D) for each depth."""
        with _inputs_of_groups(self.backbone, self.depths) as (seen, groups):
            output = self.backbone(images)
            return tuple(seen.get(_groups_before(depth, groups), output) for depth in self.depths)


def difference(found: Depths, exact: Depths) -> float:
    """How far embeddings are off, at the depth and for the image where that is most.

    It is the length of what they are off, as a share of the mean length of an embedding at that depth.
    """
    return max(
        float(np.linalg.norm(found[depth] - vectors, axis=1).max() / np.linalg.norm(vectors, axis=1).mean())
        for depth, vectors in exact.items()
    )


def _groups_before(depth: float, groups: int) -> int:
    return max(1, frozen_count(groups, depth))


@contextmanager
def _inputs_of_groups(
    backbone: nn.Module, depths: Sequence[float]
) -> Iterator[tuple[dict[int, Tensor], int]]:
    """Note what the first called layer of each group gets: (group -> pooled input, number of groups)."""
    groups = layer_groups(backbone)
    wanted = {_groups_before(depth, len(groups)) for depth in depths} - {len(groups)}
    members = {group: set(groups[group]) for group in wanted}
    prefix_tokens = int(getattr(backbone, "num_prefix_tokens", 0))
    seen: dict[int, Tensor] = {}

    def note(group: int) -> Any:
        def hook(_layer: nn.Module, inputs: tuple[Any, ...]) -> None:
            if group not in seen:
                seen[group] = _pooled(inputs[0], prefix_tokens)

        return hook

    handles = [
        layer.register_forward_pre_hook(note(group))
        for name, layer in backbone.named_modules()
        for group, names in members.items()
        if _lies_within(name, layer, names)
    ]
    try:
        yield seen, len(groups)
    finally:
        for handle in handles:
            handle.remove()


def _lies_within(name: str, layer: nn.Module, parameters: set[str]) -> bool:
    own = [f"{name}.{parameter}" for parameter, _ in layer.named_parameters()]
    return bool(own) and all(parameter in parameters for parameter in own)


def _pooled(features: Tensor | list[Tensor], prefix_tokens: int) -> Tensor:
    """(n, D): the mean over places of feature maps (n, D, H, W), or over patch tokens (n, T, D).

    A list (DenseNet) is what a dense layer gets: all earlier feature maps.
    """
    if isinstance(features, list):
        return torch.cat([_pooled(one, prefix_tokens) for one in features], dim=1)
    if features.ndim == 4:
        return features.mean(dim=(2, 3), dtype=torch.float32)
    return features[:, prefix_tokens:].mean(dim=1, dtype=torch.float32) if features.ndim == 3 else features
