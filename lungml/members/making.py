"""What the members of each variant are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from lungml.errors import ParamsError
from lungml.models.table import find_backbone
from lungml.params.data import IntensityParams
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
        best: what tuning chose, from its `best.json`.
        intensity: how HU become what a network gets, where a variant says nothing else.

    Raises:
        ParamsError: what a variant changes does not go together with what tuning chose, or that names a
            backbone that is not there.
    """
    find_backbone(best["backbone"])
    recipe, chosen = apply_candidate(finetune.recipe, candidate_of(best))
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
