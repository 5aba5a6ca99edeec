"""Sections about models: weights, embeddings, screening, tuning, fine-tuning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, ValidationInfo, field_validator, model_validator

from lungml.params.backbones import SCREENED, BackboneChoice, BackboneName
from lungml.params.section import Section, Seed, refusal
from lungml.params.space import Range, Space, check_space

Fraction = Annotated[float, Field(ge=0, le=1)]
Depth = Annotated[float, Field(gt=0, le=1, multiple_of=0.01)]
Optimizer = Literal["adam", "adamw", "nadamw", "sgd"]
HeadName = Literal["linear", "dropout", "norm", "mlp", "ordinal", "corn"]
Precision = Literal["float32", "bfloat16"]
Library = Literal["auto", "torch", "openvino"]
TrainingPrecision = Literal["auto", "float32", "bfloat16"]
NormStatistics = Literal["trained", "frozen"]


class WeightsParams(Section):
    """Where the weights of backbones come from."""

    source: Literal["random", "pretrained"] = "random"
    """`random` draws them from `seed` and says so in every output; `pretrained` needs the files."""
    folder: Path | None = None
    """For `pretrained`: a folder with `<backbone>.safetensors`; without it, the timm hub is asked."""
    seed: Seed = 20250301


class EmbedParams(Section):
    """Frozen backbones turned into feature extractors."""

    backbones: tuple[BackboneName, ...] = ("regnety_002", "mobilenetv4_conv_small", "mobilenetv3_small_050")
    """Names from the table of backbones (`lungml backbones`)."""
    depths: tuple[Depth, ...] = (0.2, 0.4, 0.6, 0.8, 1.0)
    """Where to take embeddings: after this share of the ordered layer groups, in whole hundredths."""
    precision: Precision = "float32"
    """`bfloat16` is up to three times as fast where the hardware has it. A backbone whose embeddings it
    changes by more than `tolerance` is computed with `float32` all the same, and the stage says so."""
    tolerance: Annotated[float, Field(gt=0, lt=1)] = 0.01
    """How far `bfloat16` may be from `float32`, as a share of an embedding's length, on the first batch."""
    library: Library = "auto"
    """What computes on a processor. `openvino` makes one program of a network first: up to three times as
    fast as `torch`, after up to 3 s for each view; `auto` does so from 1,500 images on. On a GPU it is
    always `torch`."""
    twins: bool = True
    """Also embed with random weights where `weights.source` is `pretrained`: what training on photos adds."""


class OutlierParams(Section):
    """Outlier scores and the t-SNE picture."""

    backbone: BackboneName = "regnety_002"
    """Whose deepest embedding is used."""
    neighbours: Annotated[int, Field(ge=1)] = 10
    """k of the k-nearest-neighbour distance."""
    perplexity: Annotated[float, Field(gt=1)] = 20.0
    """Of t-SNE; lowered if there are few nodules."""
    trees: Annotated[int, Field(ge=10)] = 200
    """Of the isolation forest."""
    seed: Seed = 20250301


class ScreenParams(Section):
    """Backbones and depths ranked by linear probes."""

    folds: Annotated[int, Field(ge=2)] = 4
    """Patient-grouped folds of train and validation."""
    repeats: Annotated[int, Field(ge=1)] = 3
    """Repeats with other folds."""
    components: Annotated[int, Field(ge=1)] = 64
    """Principal components a probe gets at most."""
    inverse_penalty: Annotated[float, Field(gt=0)] = 10.0
    """C of the logistic regression, for inputs of unit length on average. On random and pretrained
    backbones the ranking hardly depends on it from 3 to 30."""
    seed: Seed = 20250301


class GeometryParams(Section):
    """Random turns, flips, zooms and shifts."""

    rotation_degrees: Annotated[float, Field(ge=0, le=180)] = 180.0
    """Uniform in plus or minus this."""
    flip_probability: Fraction = 0.5
    """Of each of the two axes."""
    zoom: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Uniform in 1 plus or minus this."""
    shift_fraction: Annotated[float, Field(ge=0, lt=0.5)] = 0.05
    """Uniform in plus or minus this share of the width."""

    @property
    def varies(self) -> bool:
        """Whether an image may come out in more than one form."""
        moves = self.rotation_degrees or self.zoom or self.shift_fraction
        return bool(moves) or 0 < self.flip_probability < 1


class AugmentParams(GeometryParams):
    """Random changes of training images."""

    mixup_alpha: Annotated[float, Field(ge=0)] = 0.0
    """Of MixUp's beta distribution; 0 switches it off."""
    cutmix_alpha: Annotated[float, Field(ge=0)] = 0.0
    """Of CutMix's beta distribution; 0 switches it off."""


class RecipeParams(Section):
    """How a model is trained, whatever its hyper-parameters; tuning and fine-tuning share it."""

    schedule: Literal["conservative", "moderate", "aggressive", "scratch", "custom"] = "scratch"
    """The seed study's three unfreezing schedules, with their own learning rates; `scratch` trains all
    layers at the tuned rate, which random weights need; `custom` does what `trainable` and `learning_rates`
    say."""
    trainable: tuple[Fraction, Fraction] = (1.0, 1.0)
    """For `custom`: share of layer groups, counted from the output, trained in the first and the last epoch;
    linear in between."""
    learning_rates: tuple[PositiveFloat, PositiveFloat] | None = None
    """For `custom`: learning rate of the first and the last epoch; null takes the tuned rate."""
    head_learning_rate: PositiveFloat = 1e-3
    """Of the epochs before the schedule (`head_epochs`), which train the head alone."""
    decay: Literal["linear", "cosine", "one-cycle"] = "one-cycle"
    """Course of the learning rate within the schedule, step by step. Rates that a schedule has of its own
    change from epoch to epoch, on a straight line or (`cosine`) on a cosine."""
    imbalance: Literal["none", "class-weights", "upsample", "balanced"] = "upsample"
    """`upsample` shows minority classes more often, each time augmented; `balanced` shows every class
    equally often in an epoch of the usual length; train only."""
    upsample_share: Annotated[float, Field(gt=0, le=1)] = 1.0
    """What `upsample` lifts every class to, as a share of the largest class."""
    upsample_counts: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    """What `upsample` lifts each class to instead, a number for every class of the task; a larger class
    stays as it is."""
    augment: AugmentParams = AugmentParams()
    loss: Literal["cross-entropy", "label-smoothing", "focal"] = "cross-entropy"
    reader_share: Fraction = 0.0
    """How much of the target is the distribution of the readers' scores, where there are any; the rest is
    the label. In the binary tasks scores of 4 and 5 count as malignant."""
    answers: Literal["as trained", "label"] = "as trained"
    """Of a five-point model that is trained on what readers say (`reader_share` 1): `label` answers what the
    label policy would make of panels of such readers, as large as those of train."""
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The head learns at the full rate, each layer group before it at this share of the next one's; 1 gives
    all the same rate."""
    norm_statistics: NormStatistics = "trained"
    """Of batch norm layers that are trained: `trained` follows the batches, `frozen` keeps the mean and
    variance they came with, for pretrained weights and small batches. Below the cut nothing ever changes."""
    weight_decay: Annotated[float, Field(ge=0)] = 0.05
    """AdamW's, of weights, never of biases and norm layers; `sgd` takes a hundredth, `adam` none."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    """Share of values that the heads `dropout` and `mlp` leave out in training."""
    average_decay: Annotated[float, Field(ge=0, lt=1)] = 0.98
    """Of the moving average of weights that is validated and kept; 0 keeps the weights themselves."""
    precision: TrainingPrecision = "auto"
    """Of a training step. `auto` is bfloat16 on a GPU that has it, else float32. `bfloat16` takes half the
    time or less where there are instructions for it; weights, their average and the loss stay float32."""
    compile: bool = False
    """Let `torch.compile` make one program of a training step: faster steps, after a minute of compiling for
    each share of frozen layers and each size of batch."""
    clip_norm: PositiveFloat | None = None
    """Longest gradient of a step, of all parameters together; a longer one is shortened to it."""
    accumulate: Annotated[int, Field(ge=1)] = 1
    """Micro-batches a batch goes through the network in, so that it needs less memory; their gradients are
    summed. Each has two images at least, so a small batch goes in fewer. Batch norm layers that are trained
    see one at a time."""
    cache_prefix: bool = False
    """Keep what the frozen layers make of an image, so that an epoch costs only what it trains: as it is, or
    in 16 bits where `precision` is bfloat16. Not with MixUp or CutMix, which act on whole images."""
    prefix_copies: Annotated[int, Field(ge=1)] = 4
    """For `cache_prefix`: augmented copies of an image that are kept; epochs take them in turn. One is kept
    where `augment` changes nothing, for all would be alike."""
    threads: Annotated[int, Field(ge=1)] = 1
    """Processor threads of a training step. Sums depend on it, so it is a parameter: the same number
    gives the same bytes on any machine of the same kind."""

    @property
    def kept_copies(self) -> int:
        """Of an image, for `cache_prefix`."""
        return self.prefix_copies if self.augment.varies else 1

    @model_validator(mode="after")
    def _keeps_whole_images(self) -> Self:
        if self.cache_prefix and (self.augment.mixup_alpha or self.augment.cutmix_alpha):
            raise refusal(
                "cache_prefix keeps what frozen layers make of single images, but MixUp and CutMix mix them "
                "before; set cache_prefix: false, or augment.mixup_alpha and augment.cutmix_alpha: 0"
            )
        return self

    @model_validator(mode="after")
    def _makes_labels_of_readers_alone(self) -> Self:
        if self.answers == "label" and self.reader_share < 1:
            raise refusal(
                "answers: label makes labels of what single readers would say, but with reader_share: "
                f"{self.reader_share:g} the model learns labels already; set reader_share: 1, or answers: as "
                "trained"
            )
        return self


class ChosenParams(Section):
    """What every candidate of a search has beside its recipe; `learning_rate` None: the schedule's own."""

    batch_size: Annotated[int, Field(ge=2)]
    optimizer: Optimizer
    learning_rate: PositiveFloat | None
    head: HeadName


ANY_CHOSEN = ChosenParams(batch_size=16, optimizer="adamw", learning_rate=1e-3, head="linear")
"""Stands where only the fields matter."""


class TuneParams(Section):
    """The hyper-parameter search of one task."""

    backbone: BackboneChoice = SCREENED
    """`screened` takes the best of screening; or a name from the table of backbones."""
    trials: Annotated[int, Field(ge=1)] = 4
    """Finished trials (complete or pruned). A candidate that comes again counts, and is not trained again."""
    head_epochs: Annotated[int, Field(ge=0)] = 0
    """Epochs of a trial with the whole backbone frozen, before those of the schedule."""
    epochs: Annotated[int, Field(ge=1)] = 4
    """Epochs of a trial's schedule."""
    folds: Annotated[int, Field(ge=1)] = 1
    """1: train on the train part, judge on the validation part. From 2 on: the first so many of
    `split.folds` patient-grouped folds of both parts; a trial's score is the mean over them."""
    recipe: RecipeParams = RecipeParams()
    space: Space = Space(
        {
            "batch_size": (16, 32),
            "optimizer": ("adamw", "sgd"),
            "learning_rate": Range(low=1e-4, high=1e-2, scale="log"),
            "head": ("linear", "mlp"),
        }
    )
    """What is searched: `batch_size`, `optimizer`, `learning_rate`, `head` and any field of `recipe` by its
    dotted name (`augment.mixup_alpha`), each a list of choices or a range `{low, high, scale}`, scale linear
    or log. The rate is not searched where the schedule has its own. Fine-tuning takes what was chosen."""
    seed: Seed = 20250301

    @property
    def all_epochs(self) -> int:
        """Of a trial on one fold."""
        return self.head_epochs + self.epochs

    @field_validator("space")
    @classmethod
    def _fits_the_fields(cls, space: Space, info: ValidationInfo) -> Space:
        check_space(space, ANY_CHOSEN, info.data.get("recipe", RecipeParams()))
        if "head_learning_rate" in space and not info.data.get("head_epochs", 0):
            raise refusal(
                "head_learning_rate changes nothing in trials without epochs of the head alone; raise "
                "tune.head_epochs, or leave it out"
            )
        return space
