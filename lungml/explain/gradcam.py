"""Grad-CAM++ maps for convolutional and token networks, nearly free beside the prediction.

Only the way from the feature map to the logits needs a gradient; everything before it runs without. The
tests hold the maps against those of pytorch-grad-cam.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from lungml.errors import ModelError
from lungml.models.classifier import Classifier

_SMALLEST = 1e-6
"""Of the denominator; pytorch-grad-cam's."""


@dataclass(frozen=True)
class Evidence:
    """What a map is made of: a feature map (N, D, h, w), and the gradient of the class's logit in it."""

    maps: Tensor
    gradient: Tensor


def grad_cam(classifier: Classifier, images: Tensor, classes: Tensor, min_cells: int) -> Tensor:
    """Map of what speaks for a class: positive evidence in a feature map, weighted by Grad-CAM++.

    Args:
        classifier: in evaluation mode; its parameters need no gradient and get none.
        images: (N, C, H, W), normalised.
        classes: (N,), the class to explain in each image.
        min_cells: as for `gather_evidence`.

    Returns:
        (N, h, w), at least 0, in the resolution of the feature map; all 0 where nothing speaks for the class.

    Raises:
        ModelError: as `gather_evidence`.

    Source: Chattopadhay et al. 2018, arXiv 1710.11063, equations 10 and 19.
    """
    return plus_plus(gather_evidence(classifier, images, classes, min_cells))


def gather_evidence(classifier: Classifier, images: Tensor, classes: Tensor, min_cells: int) -> Evidence:
    """Run the network up to a feature map without gradients, and from there on with them.

    The feature map is the deepest one that is at least `min_cells` wide; of a token network it is the tokens
    that enter the last block (after it, only the class token counts).

    Args:
        classifier: in evaluation mode; its parameters need no gradient and get none.
        images: (N, C, H, W), normalised.
        classes: (N,), the class to explain in each image.
        min_cells: 1 takes the last feature map; more cells are finer and less abstract, and what lies behind
            the map is gone through twice.

    Raises:
        ModelError: the backbone gives neither a map (N, D, h, w) nor tokens (N, T, D).
    """
    if _has_tokens(classifier.backbone):
        maps, logits = _from_tokens(classifier, images)
    elif (place := _where_to_look(classifier.backbone, images.shape[3], min_cells)) is None:
        maps, logits = _from_last_map(classifier, images)
    else:
        maps, logits = _from_module(classifier, place, images)
    (gradient,) = torch.autograd.grad(logits.gather(1, classes[:, None]).sum(), maps)
    found = Evidence(maps.detach(), gradient)
    return _on_their_grid(found, classifier.backbone, images) if maps.ndim == 3 else found


def plus_plus(of: Evidence) -> Tensor:
    """The Grad-CAM++ map (N, h, w)."""
    square = of.gradient**2
    below = 2 * square + of.maps.sum(dim=(2, 3), keepdim=True) * square * of.gradient + _SMALLEST
    share = torch.where(of.gradient != 0, square / below, torch.zeros_like(square))
    weights = (of.gradient.clamp(min=0) * share).sum(dim=(2, 3), keepdim=True)
    return (weights * of.maps).sum(dim=1).clamp(min=0)


def random_cam(of: Evidence, generator: torch.Generator) -> Tensor:
    """A map (N, h, w) that looks like one but knows nothing of the class: channels with random weights.

    Source: pytorch-grad-cam's RandomCAM, uniform from -1 to 1.
    """
    weights = torch.rand(of.maps.shape[:2], generator=generator) * 2 - 1
    return (weights[:, :, None, None] * of.maps).sum(dim=1).clamp(min=0)


def enlarge(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear, (N, h, w) -> (N, H, W); values stay at least 0."""
    enlarged = nn.functional.interpolate(maps[:, None], size=size, mode="bilinear", align_corners=False)
    return enlarged[:, 0]


def into_centre(maps: Tensor, share: float) -> Tensor:
    """Maps (N, H, W) of the middle `share` of images, back in its place; what was not seen is 0."""
    if share == 1:
        return maps
    scaling = torch.tensor([[1 / share, 0.0, 0.0], [0.0, 1 / share, 0.0]]).expand(len(maps), 2, 3)
    grid = nn.functional.affine_grid(scaling, list(maps[:, None].shape), align_corners=False)
    return nn.functional.grid_sample(maps[:, None], grid, align_corners=False)[:, 0]


def _where_to_look(backbone: nn.Module, width_px: int, min_cells: int) -> nn.Module | None:
    """The module whose output to take; None is what the backbone pools."""
    stages: Any = backbone.feature_info
    fine = [stage for stage in stages if math.ceil(width_px / stage["reduction"]) >= min_cells]
    chosen = fine[-1] if fine else stages[0]
    return None if chosen is stages[-1] else backbone.get_submodule(chosen["module"])


def _from_last_map(classifier: Classifier, images: Tensor) -> tuple[Tensor, Tensor]:
    backbone: Any = classifier.backbone
    with torch.no_grad():
        maps = backbone.forward_features(images)
    if maps.ndim != 4 or maps.shape[1] != backbone.num_features:
        raise ModelError(
            f"{type(backbone).__name__} ends in features {tuple(maps.shape)}, expected (N, D, h, w) with "
            f"D = {backbone.num_features}; Grad-CAM++ cannot be drawn for this backbone"
        )
    maps.requires_grad_()
    with torch.enable_grad():
        return maps, classifier.head(backbone.forward_head(maps))


def _from_module(classifier: Classifier, module: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Output of `module`, and the logits with a gradient that reaches back to it and no further."""
    held: dict[str, Tensor] = {}

    def cut(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        held["maps"] = output.detach().requires_grad_()
        return held["maps"]

    hook = module.register_forward_hook(cut)
    constants = {name: parameter.detach() for name, parameter in classifier.named_parameters()}
    try:
        with torch.enable_grad():
            logits = functional_call(classifier, constants, (images,))
    finally:
        hook.remove()
    return held["maps"], logits


def _from_tokens(classifier: Classifier, images: Tensor) -> tuple[Tensor, Tensor]:
    """Tokens that enter the last block, and the logits; of that block only what is pooled is computed."""
    backbone: Any = classifier.backbone
    last = backbone.blocks[-1]
    with torch.no_grad():
        ((grid, prefix),) = backbone.forward_intermediates(
            images, indices=[len(backbone.blocks) - 2], return_prefix_tokens=True, stop_early=True,
            output_fmt="NLC", intermediates_only=True,
        )  # fmt: skip
        before = torch.cat([prefix, grid], dim=1)
        tokens = last.norm1(before)
    tokens.requires_grad_()
    pooled = slice(prefix.shape[1] if backbone.global_pool == "token" else None)
    with torch.enable_grad():
        after = (before + last.drop_path1(last.ls1(last.attn(tokens))))[:, pooled]
        after = after + last.drop_path2(last.ls2(last.mlp(last.norm2(after))))
        return tokens, classifier.head(backbone.forward_head(backbone.norm(after)))


def _on_their_grid(tokens: Evidence, backbone: nn.Module, images: Tensor) -> Evidence:
    """Put tokens (N, T, D) back on their grid, without the class token: (N, D, h, w)."""
    network: Any = backbone
    sizes = zip(images.shape[2:], network.patch_embed.patch_size, strict=True)
    rows, columns = (math.ceil(pixels / patch) for pixels, patch in sizes)
    extra = network.num_prefix_tokens
    grids = [
        part[:, extra:].reshape(len(part), rows, columns, -1).permute(0, 3, 1, 2)
        for part in (tokens.maps, tokens.gradient)
    ]
    return Evidence(*grids)


def _has_tokens(backbone: nn.Module) -> bool:
    return hasattr(backbone, "patch_embed") and hasattr(backbone, "num_prefix_tokens")
