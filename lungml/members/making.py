"""What the members of each variant are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from lungml.errors import ParamsError
from lungml.models.table import find_backbone
from lungml.params.data import IntensityParams
from lungml.params.model import ChosenParams, RecipeParams
from lungml.params.section import in_words
from lungml.params.task import FinetuneParams, MemberParams, with_variant
from lungml.tuning.candidate import apply_candidate, candidate_of

PLAIN = "as tuned"
"""Name of the one variant where none is given."""


def make_variants(
    finetune: FinetuneParams, best: Mapping[str, Any], intensity: IntensityParams
) -> dict[str, MemberParams]:
    """Name of each variant -> all that its members are made of.

    Args:
        finetune: how the model is put together.
        best: what tuning chose (`checked_choice`).
        intensity: how HU become what a network gets, where a variant says nothing else.

    Raises:
        ParamsError: the recipe, or what a variant changes, does not go together with what tuning chose, or
            that names a backbone that is not there.
    """
    find_backbone(best["backbone"])
    recipe, chosen = _with_choice(finetune.recipe, best)
    tuned = MemberParams(
        **chosen.model_dump(),
        backbone=best["backbone"],
        head_epochs=finetune.head_epochs,
        epochs=finetune.epochs,
        recipe=recipe,
        intensity=intensity,
    )
    made = {}
    for name, variant in (finetune.variants or {PLAIN: {}}).items():
        try:
            made[name] = with_variant(tuned, variant)
        except ValidationError as error:
            raise ParamsError(
                f"finetune.variants.{name} in params.yaml does not go together with what tuning chose: "
                f"{error.errors()[0]['msg']}"
            ) from error
    return made


def _with_choice(recipe: RecipeParams, best: Mapping[str, Any]) -> tuple[RecipeParams, ChosenParams]:
    try:
        return apply_candidate(recipe, candidate_of(best))
    except ValidationError as error:
        raise ParamsError(
            "finetune.recipe in params.yaml does not go together with what tuning chose: "
            f"{in_words(error.errors()[0])}"
        ) from error
