"""How a backbone of the table is built: a classifier of timm, headless."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lungml.errors import ModelError
from lungml.models.table import Backbone, find_backbone, lung_ct_in
from lungml.models.weights import hub_page, weights_file
from lungml.models.weights_card import WeightsCard, own_card, read_card
from lungml.models.weights_lock import verified_sha256
from lungml.params.model import WeightsParams

if TYPE_CHECKING:
    from torch import nn


def build_backbone(name: str, *, in_channels: int, weights: WeightsParams) -> nn.Module:
    """A timm network without classifier: (N, in_channels, H, W) -> (N, D), pooled.

    Random weights depend on `weights.seed` and `name` alone, not on the state of any generator, and leave
    that state as it was. Published weights of a three-channel first layer are summed for one channel; those
    that stage `pretrain` made take the channels they were made with.

    Raises:
        ParamsError: there is no backbone of this name.
        ModelError: pretrained weights are asked for and cannot be had, have changed, or do not fit.
    """
    backbone = find_backbone(name)
    if weights.source == "pretrained":
        place = weights_file(name, backbone.timm_name, weights.folder, hub=backbone.hub)
        verified_sha256(backbone, place)
        if card := read_card(place):
            return _made_here(backbone, in_channels, place, card)
        return _pretrained(backbone, in_channels, place)
    with _random_from(f"{weights.seed}:{name}"):
        return _create(backbone, in_chans=in_channels, num_classes=0)


def describe_weights(name: str, weights: WeightsParams) -> str:
    """Where the weights of a backbone come from; its first word is `random` or `pretrained`."""
    if weights.source == "random":
        return f"random (seed {weights.seed})"
    backbone = find_backbone(name)
    card = own_card(name, backbone.timm_name, weights)
    return describe_pretrained(backbone) if card is None else f"pretrained ({card})"


def describe_pretrained(backbone: Backbone) -> str:
    """What pretrained weights were trained on; of lung CT, that they may know the cohort."""
    words = f"pretrained ({backbone.timm_name}, trained on {backbone.trained_on})"
    known = lung_ct_in(backbone.trained_on)
    return words if known is None else f"{words}; LEAK if this cohort holds patients of {known}"


def weights_sha256(name: str, weights: WeightsParams) -> str:
    """SHA-256 of the file of pretrained weights; "" for random ones.

    Raises:
        ModelError: the file cannot be had or has changed.
    """
    if weights.source == "random":
        return ""
    backbone = find_backbone(name)
    return verified_sha256(backbone, weights_file(name, backbone.timm_name, weights.folder, hub=backbone.hub))


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


def _made_here(backbone: Backbone, in_channels: int, path: Path, card: WeightsCard) -> nn.Module:
    """Loaded without a classifier, which pretraining has none of."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if in_channels != card.in_channels:
        raise ModelError(
            f"{path} was pretrained on {card.in_channels} channel(s), and the images have {in_channels}; "
            "run `dvc repro pretrain`, or set views.channels and intensity.scaling as they were"
        )
    with _random_from(path.name):
        network = _create(backbone, in_chans=in_channels, num_classes=0)
    try:
        network.load_state_dict(load_file(path))
    except (RuntimeError, SafetensorError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise ModelError(
            f"{path} does not hold weights of {backbone.timm_name} ({first_line}); "
            "run `dvc repro -f pretrain`"
        ) from error
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
