"""The backbones that can be named in `params.yaml`, and how one is built; the classifiers of timm, headless.

The table is plain data, so listing it needs neither torch nor timm; building one does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lungml.errors import ModelError, ParamsError
from lungml.models.weights import hub_page, weights_file
from lungml.params.model import WeightsParams

if TYPE_CHECKING:
    from torch import nn

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_HALVES = (0.5, 0.5, 0.5)
_IN1K = "ImageNet-1k"


@dataclass(frozen=True)
class Backbone:
    """One row of the table.

    `timm_name` is architecture.tag: the tag names the pretrained weights. `parameters` counts those of the
    one-channel network without its classifier. `licence`, `trained_on`, `input_px`, `mean` and `std` are of
    the pretrained weights; the code of all is timm's, Apache-2.0. `tokens` marks vision transformers;
    `same_padding` weights that want TensorFlow's padding; `hub` is False where only a file will do.
    """

    timm_name: str
    parameters: int
    trained_on: str
    input_px: int = 224
    licence: str = "Apache-2.0"
    mean: tuple[float, float, float] = _IMAGENET_MEAN
    std: tuple[float, float, float] = _IMAGENET_STD
    tokens: bool = False
    same_padding: bool = False
    hub: bool = True


BACKBONES = {
    "convnext_tiny": Backbone("convnext_tiny.in12k_ft_in1k", 27_817_056, f"ImageNet-12k, {_IN1K}"),
    "densenet121": Backbone("densenet121.ra_in1k", 6_947_584, _IN1K),
    "efficientnet_b4": Backbone("efficientnet_b4.ra2_in1k", 17_547_752, _IN1K, input_px=320),
    "mobilenetv2_100": Backbone("mobilenetv2_100.ra_in1k", 2_223_296, _IN1K),
    "resnet10t": Backbone("resnet10t.c3_in1k", 4_922_056, _IN1K, input_px=176),
    "resnet18": Backbone("resnet18.a1_in1k", 11_170_240, _IN1K),
    "mobilenetv3_small_050": Backbone("mobilenetv3_small_050.lamb_in1k", 567_936, _IN1K),
    "mobilenetv3_small_100": Backbone("mobilenetv3_small_100.lamb_in1k", 1_517_568, _IN1K),
    "mobilenetv4_conv_small": Backbone("mobilenetv4_conv_small.e2400_r224_in1k", 2_492_448, _IN1K),
    "convnext_atto": Backbone("convnext_atto.d2_in1k", 3_373_240, _IN1K),
    "convnext_femto": Backbone("convnext_femto.d1_in1k", 4_831_248, _IN1K),
    "efficientnet_b0": Backbone("efficientnet_b0.ra_in1k", 4_006_972, _IN1K),
    "regnety_002": Backbone("regnety_002.pycls_in1k", 2_793_420, _IN1K, licence="MIT"),
    "vit_tiny_patch16": Backbone(
        "vit_tiny_patch16_224.augreg_in21k_ft_in1k",
        5_426_112,
        f"ImageNet-21k, {_IN1K}",
        mean=_HALVES,
        std=_HALVES,
        tokens=True,
    ),
    "mobilenetv2_100_coral": Backbone(
        "mobilenetv2_100.coral_ptq_in1k",
        2_223_296,
        _IN1K,
        mean=_HALVES,
        std=_HALVES,
        same_padding=True,
        hub=False,
    ),
}
"""Name in `params.yaml` -> backbone. The first four are the seed study's."""


def find_backbone(name: str) -> Backbone:
    """A row of the table.

    Raises:
        ParamsError: there is no backbone of this name.
    """
    if name not in BACKBONES:
        near = get_close_matches(name, BACKBONES, n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ParamsError(f"there is no backbone {name!r}; {hint}`lungml backbones` lists them all")
    return BACKBONES[name]


def build_backbone(name: str, *, in_channels: int, weights: WeightsParams) -> nn.Module:
    """A timm network without classifier: (N, in_channels, H, W) -> (N, D), pooled.

    Random weights depend on `weights.seed` and `name` alone, not on the state of any generator, and leave
    that state as it was. Pretrained weights of a three-channel first layer are summed for one channel.

    Raises:
        ParamsError: there is no backbone of this name.
        ModelError: pretrained weights are asked for and cannot be had, or do not fit.
    """
    backbone = find_backbone(name)
    if weights.source == "pretrained":
        place = weights_file(name, backbone.timm_name, weights.folder, hub=backbone.hub)
        return _pretrained(backbone, in_channels, place)
    with _random_from(f"{weights.seed}:{name}"):
        return _create(backbone, in_chans=in_channels, num_classes=0)


def describe_weights(name: str, weights: WeightsParams) -> str:
    """Where the weights of a backbone come from; its first word is `random` or `pretrained`."""
    if weights.source == "random":
        return f"random (seed {weights.seed})"
    backbone = find_backbone(name)
    return f"pretrained ({backbone.timm_name}, trained on {backbone.trained_on})"


def embedding_size(network: nn.Module) -> int:
    """D of the (N, D) a backbone gives."""
    size: int = network.head_hidden_size  # type: ignore[assignment]
    return size


def _pretrained(backbone: Backbone, in_channels: int, path: Path) -> nn.Module:
    """Loaded with the classifier they were trained with, so that a missing or extra tensor is an error."""
    from safetensors import SafetensorError

    source = {"file": str(path), "custom_load": False}
    try:
        network = _create(backbone, in_chans=in_channels, pretrained=True, pretrained_cfg_overlay=source)
    except (RuntimeError, SafetensorError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise ModelError(
            f"{path} does not hold the weights {backbone.timm_name} ({first_line}); "
            f"get that file again from {hub_page(backbone.timm_name)}"
        ) from error
    network.reset_classifier(0)  # type: ignore[operator]
    return network


def _create(backbone: Backbone, **options: Any) -> nn.Module:
    import timm
    import torch

    if backbone.tokens:
        options |= {"dynamic_img_size": True, "dynamic_img_pad": True}
    if backbone.same_padding:
        options |= {"pad_type": "same"}
    architecture = backbone.timm_name.split(".")[0]
    network: nn.Module = timm.create_model(architecture, **options)
    # channels last: a training step on CPU is 1.3 to 1.9 times as fast
    laid_out: nn.Module = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return laid_out


@contextmanager
def _random_from(words: str) -> Iterator[None]:
    """Draw from a generator seeded by `words`, and put the global one back."""
    import torch

    seed = int.from_bytes(hashlib.sha256(words.encode()).digest()[:8])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield
