"""What a pretrained network expects its pixels to be, and whether they are.

It was trained on photos of 0 to 1, minus the `mean` of its row, over the `std` of its row. A windowed CT is
such a picture: `as_expected` gives it the row's mean and deviation in the place of train's, so it lies in
the range the network knows and +100 HU is the same step in every image. Weights that were made here expect
the normalisation they were made with. Random weights expect nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf, sqrt
from typing import Any

from lungml.errors import ModelError
from lungml.imaging.intensity import Normalisation
from lungml.models.table import Backbone, find_backbone
from lungml.models.weights_card import WeightsCard, own_card
from lungml.params.model import WeightsParams

_PHOTO_MEAN, _PHOTO_STD = 0.449, 0.226
"""Of grey ImageNet photos of 0 to 1; the means of what torchvision publishes for the three colours."""
_BEYOND, _COVERED = 0.1, 0.5
"""Shares of the expected range: how far values may lie outside it, and how much of it they must span."""
_MEAN_OFF, _STD_FACTOR = 2.0, 2.0
"""How many expected deviations the mean may be off, and by what factor the deviation may."""


@dataclass(frozen=True)
class Pixels:
    """Range, mean and standard deviation of the values of images."""

    low: float
    high: float
    mean: float
    std: float

    def __str__(self) -> str:
        return f"{self.low:.2f} to {self.high:.2f} with mean {self.mean:.2f} and deviation {self.std:.2f}"


def expected_pixels(backbone: Backbone) -> Pixels:
    """What pretrained weights want to see: black and white of photos, their mean and deviation."""
    lows = [-mean / std for mean, std in zip(backbone.mean, backbone.std, strict=True)]
    highs = [(1 - mean) / std for mean, std in zip(backbone.mean, backbone.std, strict=True)]
    mean, std = _average(backbone.mean), _average(backbone.std)
    return Pixels(min(lows), max(highs), (_PHOTO_MEAN - mean) / std, _PHOTO_STD / std)


def as_expected(normalisation: Normalisation, name: str, weights: WeightsParams) -> Normalisation:
    """The normalisation with the mean and deviation that pretrained weights of backbone `name` expect.

    Random weights expect nothing, and `z-score` has neither; both come back as they are.

    Raises:
        ModelError: weights that were made here were made with another scaling or other windows.
    """
    if card := own_card(name, find_backbone(name).timm_name, weights):
        return _of_card(normalisation, card)
    if weights.source == "random" or normalisation.scaling == "z-score":
        return normalisation
    backbone, windows = find_backbone(name), len(normalisation.windows_hu)
    if windows == len(backbone.mean):
        return replace(normalisation, means=backbone.mean, stds=backbone.std)
    means, stds = (_average(backbone.mean),) * windows, (_average(backbone.std),) * windows
    return replace(normalisation, means=means, stds=stds)


def check_pixels(
    batches: Iterable[Any], normalisation: Normalisation, name: str, weights: WeightsParams
) -> None:
    """Stop if normalised images are not what pretrained weights of backbone `name` expect.

    Args:
        batches: all normalised images, torch tensors (n, C, H, W).
        normalisation: theirs.
        name: as in the table of backbones.
        weights: random ones expect nothing, and then nothing is looked at.

    Raises:
        ModelError: values outside the range or in a small part of it, another mean or deviation, or images
            scaled one by one: there the same grey means other HU in each, whatever the figures say.
    """
    if weights.source == "random":
        return
    backbone, found = find_backbone(name), observe(batches)
    card = own_card(name, backbone.timm_name, weights)
    expected = Pixels(**card.pixels) if card else expected_pixels(backbone)
    if (card or normalisation.scaling != "z-score") and _alike(found, expected):
        return
    raise ModelError(
        f"{backbone.timm_name} was trained on pixels of {expected}; it would get pixels of {found} "
        f"(intensity.scaling: {normalisation.scaling}). Set intensity.scaling: window in params.yaml with an "
        "intensity.window_hu that holds the images' HU, or weights.source: random"
    )


def _of_card(normalisation: Normalisation, card: WeightsCard) -> Normalisation:
    """The card's own, if the images are scaled as its images were."""
    made_with = card.normalisation
    if (normalisation.scaling, normalisation.windows_hu) != (made_with.scaling, made_with.windows_hu):
        raise ModelError(
            f"{card.backbone} was pretrained with intensity.scaling: {made_with.scaling} and windows of "
            f"{_in_words(made_with)} HU, and now gets {normalisation.scaling} and {_in_words(normalisation)} "
            "HU; run `dvc repro pretrain`, or set the section intensity as it was"
        )
    return made_with


def _in_words(normalisation: Normalisation) -> str:
    return ", ".join(f"{low:g} to {high:g}" for low, high in normalisation.windows_hu)


def observe(batches: Iterable[Any]) -> Pixels:
    """Range, mean and deviation over all values of all batches, summed in float64."""
    low, high, count, total, squares = inf, -inf, 0, 0.0, 0.0
    for batch in batches:
        low, high = min(low, float(batch.min())), max(high, float(batch.max()))
        mean = float(batch.mean())
        count += batch.numel()
        total += mean * batch.numel()
        squares += float(((batch - mean) ** 2).mean() + mean**2) * batch.numel()
    mean = total / count
    return Pixels(low, high, mean, sqrt(max(squares / count - mean**2, 0.0)))


def _alike(found: Pixels, expected: Pixels) -> bool:
    width = expected.high - expected.low
    inside = expected.low - _BEYOND * width <= found.low and found.high <= expected.high + _BEYOND * width
    spanned = found.high - found.low > _COVERED * width
    centred = abs(found.mean - expected.mean) <= _MEAN_OFF * expected.std
    spread = expected.std / _STD_FACTOR <= found.std <= expected.std * _STD_FACTOR
    return inside and spanned and centred and spread


def _average(values: tuple[float, ...]) -> float:
    return sum(values) / len(values)
