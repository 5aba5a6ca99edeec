"""Section `pretrain`: backbones trained on images without labels, before any task."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat

from lungml.params.backbones import BackboneName
from lungml.params.model import GeometryParams, Optimizer, Precision, WeightsParams
from lungml.params.section import Section, Seed
from lungml.terms import View


class JitterParams(Section):
    """Random changes of HU as scanners, doses and kernels make them; small, for HU mean something."""

    shift_hu: Annotated[float, Field(ge=0)] = 20.0
    """Uniform in plus or minus this: the window slides over the image."""
    stretch: Annotated[float, Field(ge=0, lt=1)] = 0.03
    """Distances from air are multiplied by 1 plus or minus this: the window narrows or widens."""
    noise_hu: Annotated[float, Field(ge=0)] = 30.0
    """Deviation of added noise, uniform from 0 to this."""
    blur_px: Annotated[float, Field(ge=0, le=3)] = 1.0
    """Deviation of a Gaussian, uniform from 0 to this."""


class VicregParams(Section):
    """VICReg's loss: `invariance`, `variance` and `covariance` weigh its three terms."""

    invariance: Annotated[float, Field(ge=0)] = 25.0
    """Of how far the two changed images of a nodule are apart."""
    variance: Annotated[float, Field(ge=0)] = 25.0
    """Of how far a dimension's deviation over the batch is below 1; this is what forbids collapse."""
    covariance: Annotated[float, Field(ge=0)] = 1.0
    """Of how much dimensions say the same."""
    width: Annotated[int, Field(ge=2)] = 256
    """Dimensions of the expander, the three layers above the backbone in which the loss is measured."""


class PretrainParams(Section):
    """Self-supervised training (VICReg) on the train part's views; labels need not be there."""

    backbones: tuple[BackboneName, ...] = ()
    """Names from the table of backbones; with none, the stage does nothing. To use what it makes, set
    `weights.source: pretrained` and `weights.folder: models/pretrained`."""
    views: Annotated[tuple[View, ...], Field(min_length=1)] = (View.NODULE,)
    """Which views it looks at: those of all nodules of the train part, with and without a label."""
    start: WeightsParams = WeightsParams()
    """The weights it begins with."""
    epochs: Annotated[int, Field(ge=1)] = 40
    batch_size: Annotated[int, Field(ge=8)] = 32
    """Images in a step, each seen twice."""
    optimizer: Optimizer = "adamw"
    learning_rate: PositiveFloat = 3e-3
    """At its highest; from published weights a third of this loses less of them."""
    decay: Literal["linear", "cosine", "one-cycle"] = "one-cycle"
    """Course of the learning rate."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.05
    """AdamW's; what other optimizers make of it is said at `recipe.weight_decay`."""
    geometry: GeometryParams = GeometryParams()
    jitter: JitterParams = JitterParams()
    loss: VicregParams = VicregParams()
    precision: Precision = "float32"
    """Of the backbone and the expander; the loss is float32."""
    threads: Annotated[int, Field(ge=1)] = 1
    """Processor threads of a step; sums depend on it."""
    seed: Seed = 20250301
