"""Section `tasks`: what is set for one task, and how its model is put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, ValidationInfo, field_validator

from lungml.params.backbones import BACKBONE_NAMES, BackboneName
from lungml.params.data import IntensityParams
from lungml.params.model import ANY_CHOSEN, ChosenParams, RecipeParams, TuneParams
from lungml.params.section import Section, Seed, in_words, refusal
from lungml.params.space import Scalar, with_values

Variant = Mapping[str, Scalar | tuple[Scalar, ...]]
"""Dotted name of a field -> its value in this variant."""


class MemberParams(ChosenParams):
    """All that a member of a model is made of."""

    backbone: BackboneName
    head_epochs: Annotated[int, Field(ge=0)]
    epochs: Annotated[int, Field(ge=1)]
    recipe: RecipeParams
    intensity: IntensityParams


def with_variant(member: MemberParams, variant: Variant) -> MemberParams:
    """A member with some fields replaced; a bare name that is none of its own is a field of its recipe.

    Raises:
        KeyError: there is no such field.
        ValidationError: a value is not allowed.
    """
    own = MemberParams.model_fields
    return with_values(
        member,
        {name if name.split(".")[0] in own else f"recipe.{name}": value for name, value in variant.items()},
    )


class FinetuneParams(Section):
    """The training of one task's model: head first, then the unfreezing schedule."""

    head_epochs: Annotated[int, Field(ge=0)] = 1
    """Epochs with the whole backbone frozen, at `recipe.head_learning_rate`."""
    epochs: Annotated[int, Field(ge=1)] = 14
    """Epochs of the schedule, after the head's."""
    patience: Annotated[int, Field(ge=1)] = 8
    """Stop after this many epochs of the schedule without a better validation weighted AUPRC."""
    fit: Literal["train", "folds", "refit"] = "train"
    """`train`: on the train part; the best epoch on validation is kept. `folds`: cross-validation by patient
    over train and validation; each member is trained for all epochs without one of the `split.folds` folds,
    and judged on it. `refit`: the same cross-validation for the estimate, then members on all of train and
    validation, which alone are the model."""
    repeats: Annotated[int, Field(ge=1)] = 1
    """So many times all of it, each with another seed and other folds; the members answer together."""
    recipe: RecipeParams = RecipeParams()
    variants: dict[str, Variant] = Field(default={})
    """Name -> what is different: `backbone`, `head`, `batch_size`, `optimizer`, `learning_rate`, `epochs`,
    `head_epochs`, any field of `recipe` by its dotted name, and fields of section intensity
    (`intensity.centre_share`). Each is trained in every fold and repeat, and all answer together. Empty: what
    tuning chose, alone."""
    seed: Seed = 20250301

    @property
    def answers_labels(self) -> bool:
        """Whether any member answers with the label instead of as it was trained (`recipe.answers`)."""
        return "label" in {self.recipe.answers, *(each.get("answers") for each in self.variants.values())}

    @field_validator("variants")
    @classmethod
    def _fit_the_fields(cls, variants: dict[str, Variant], info: ValidationInfo) -> dict[str, Variant]:
        recipe = info.data.get("recipe", RecipeParams())
        for name, variant in variants.items():
            _check(name, variant, recipe)
        return variants


class TaskParams(Section):
    """What is set for one task."""

    tune: TuneParams = TuneParams()
    finetune: FinetuneParams = FinetuneParams()

    @property
    def upsample_counts(self) -> list[tuple[Any, ...]]:
        """Those of both recipes and of all variants, where there are any."""
        recipes = [self.tune.recipe.upsample_counts, self.finetune.recipe.upsample_counts]
        named = [variant.get("upsample_counts") for variant in self.finetune.variants.values()]
        return [counts for counts in (*recipes, *named) if isinstance(counts, tuple)]


def _check(name: str, variant: Variant, recipe: RecipeParams) -> None:
    plain = MemberParams(
        **ANY_CHOSEN.model_dump(),
        backbone=BACKBONE_NAMES[0],
        head_epochs=0,
        epochs=1,
        recipe=recipe,
        intensity=IntensityParams(),
    )
    try:
        with_variant(plain, variant)
    except KeyError as error:
        own = ", ".join(field for field in MemberParams.model_fields if field not in {"recipe", "intensity"})
        raise refusal(
            f"{name}: {str(error.args[0]).removeprefix('recipe.')} cannot be varied; choose of {own}, the "
            "fields of recipe and intensity.* (docs/params.md)"
        ) from error
    except ValidationError as error:
        found = error.errors()[0]
        where = ".".join(str(step) for step in found["loc"]).removeprefix("recipe.")
        raise refusal(f"{name}: {where}: {in_words(found)}") from error
