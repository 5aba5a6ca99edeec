"""The backbones that can be named in `params.yaml`: plain data, read without torch or timm."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lungml.errors import ParamsError
from lungml.params.backbones import unknown_backbone

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_HALVES = (0.5, 0.5, 0.5)
_IN1K = "ImageNet-1k"


@dataclass(frozen=True)
class Backbone:
    """One row of the table.

    `timm_name` is architecture.tag: the tag names the pretrained weights. `parameters` counts those of the
    one-channel network without its classifier. `licence`, `trained_on`, `input_px`, `mean` and `std` are of
    the pretrained weights, which want pixels of 0 to 1, minus `mean`, over `std`; the code of all is timm's,
    Apache-2.0. `tokens` marks vision transformers; `same_padding` weights that want TensorFlow's padding;
    `hub` is False where only a file will do. `sha256` is of the weights file; "" is not known here, so that
    `weights.lock.json` keeps the one of the file that was fetched first.
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
    sha256: str = ""


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
    "starnet_s1": Backbone("starnet_s1.in1k", 2_675_592, _IN1K),
    "efficientvit_b0": Backbone("efficientvit_b0.r224_in1k", 2_128_864, _IN1K),
    "hgnetv2_b0": Backbone("hgnetv2_b0.ssld_stage2_ft_in1k", 3_947_262, _IN1K),
    "vit_tiny_patch16": Backbone(
        "vit_tiny_patch16_224.augreg_in21k_ft_in1k",
        5_426_112,
        f"ImageNet-21k, {_IN1K}",
        mean=_HALVES,
        std=_HALVES,
        tokens=True,
    ),
    "vit_small_patch14_dinov2": Backbone(
        "vit_small_patch14_dinov2.lvd142m",
        21_905_664,
        "LVD-142M, no labels",
        input_px=518,
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
        sha256="d8f1f07ba76e44d499bce54a98338f6911432d8d244658c20bce047b13ea6ca0",
    ),
}
"""Name in `params.yaml` -> backbone. The first four are the seed study's.

Parameters are checked against the same names in `lungml/params/backbones.py`."""


def find_backbone(name: str) -> Backbone:
    """A row of the table.

    Raises:
        ParamsError: there is no backbone of this name.
    """
    if name not in BACKBONES:
        raise ParamsError(unknown_backbone(name))
    return BACKBONES[name]


_LUNG_CT = re.compile(r"LIDC|LUNA\d*|NoduleMNIST\w*|LNDb|NLST", re.IGNORECASE)
"""Public collections of lung CT; LUNA16 and NoduleMNIST3D are made of LIDC-IDRI."""


def lung_ct_in(trained_on: str) -> str | None:
    """The collection of lung CT that weights were trained on, by what is said of them; None if there is none.

    Such weights may know the very patients that a model is judged on.
    """
    found = _LUNG_CT.search(trained_on)
    return found.group() if found else None
