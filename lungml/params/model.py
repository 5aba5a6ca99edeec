"""Sections about models: weights, embeddings, screening, tuning, fine-tuning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from lungml.params.section import Section

Fraction = Annotated[float, Field(ge=0, le=1)]
Optimizer = Literal["adam", "adamw", "sgd"]
HeadName = Literal["linear", "mlp"]


class WeightsParams(Section):
    """Where the weights of backbones come from."""

    source: Literal["random", "pretrained"] = "random"
    """`random` draws them from `seed` and says so in every output; `pretrained` needs the files."""
    folder: Path | None = None
    """For `pretrained`: a folder with `<backbone>.safetensors`; without it, the timm hub is asked."""
    seed: int = 20250301


class EmbedParams(Section):
    """Frozen backbones turned into feature extractors."""

    backbones: tuple[str, ...] = ("resnet10t", "mobilenetv3_small_050", "convnext_atto")
    """Names from the table of backbones (`lungml backbones`)."""
    depths: tuple[Fraction, ...] = (0.2, 0.4, 0.6, 0.8, 1.0)
    """Where to take embeddings: after this share of the ordered layer groups."""


class OutlierParams(Section):
    """Outlier scores and the t-SNE picture."""

    backbone: str = "resnet10t"
    """Whose deepest embedding is used."""
    neighbours: Annotated[int, Field(ge=1)] = 10
    """k of the k-nearest-neighbour distance."""
    perplexity: Annotated[float, Field(gt=1)] = 20.0
    """Of t-SNE; lowered if there are few nodules."""
    seed: int = 20250301


class ScreenParams(Section):
    """Backbones and depths ranked by linear probes."""

    folds: Annotated[int, Field(ge=2)] = 4
    """Patient-grouped folds of train and validation."""
    repeats: Annotated[int, Field(ge=1)] = 3
    """Repeats with other folds."""
    seed: int = 20250301


class TuneParams(Section):
    """The hyper-parameter search of one task."""

    trials: Annotated[int, Field(ge=1)] = 6
    """Finished trials (complete or pruned)."""
    epochs: Annotated[int, Field(ge=1)] = 6
    """Epochs of a trial."""
    batch_sizes: tuple[int, ...] = (16, 32)
    optimizers: tuple[Optimizer, ...] = ("adamw", "sgd")
    learning_rate: tuple[float, float] = (1e-4, 1e-2)
    """Lowest and highest; drawn on a log scale."""
    heads: tuple[HeadName, ...] = ("linear", "mlp")
    seed: int = 20250301


class AugmentParams(Section):
    """Random changes of training images."""

    rotation_degrees: Annotated[float, Field(ge=0, le=180)] = 15.0
    """Uniform in plus or minus this."""
    flip_probability: Fraction = 0.5
    """Of each of the two axes."""
    zoom: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Uniform in 1 plus or minus this."""
    shift_fraction: Annotated[float, Field(ge=0, lt=0.5)] = 0.05
    """Uniform in plus or minus this share of the width."""
    mixup_alpha: Annotated[float, Field(ge=0)] = 0.0
    """Of MixUp's beta distribution; 0 switches it off."""
    cutmix_alpha: Annotated[float, Field(ge=0)] = 0.0
    """Of CutMix's beta distribution; 0 switches it off."""


class FinetuneParams(Section):
    """The training of one task's model: head first, then the unfreezing schedule."""

    backbone: str = "screened"
    """`screened` takes the best of screening; or a name from the table of backbones."""
    schedule: Literal["conservative", "moderate", "aggressive", "scratch"] = "scratch"
    """The seed study's three unfreezing schedules; `scratch` trains all layers at the tuned rate,
    which random weights need."""
    head_epochs: Annotated[int, Field(ge=0)] = 2
    """Epochs with the whole backbone frozen, at learning rate 1e-3."""
    epochs: Annotated[int, Field(ge=1)] = 16
    """Epochs of the schedule, after the head's."""
    patience: Annotated[int, Field(ge=1)] = 6
    """Stop after this many epochs without a better validation weighted AUPRC."""
    imbalance: Literal["none", "class-weights", "upsample"] = "upsample"
    """`upsample` shows minority classes more often, each time augmented; train only."""
    augment: AugmentParams = AugmentParams()
    seed: int = 20250301


class TaskParams(Section):
    """What is set for one task."""

    tune: TuneParams = TuneParams()
    finetune: FinetuneParams = FinetuneParams()
