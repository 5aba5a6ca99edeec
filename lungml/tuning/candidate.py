"""One point of a search space, and what it makes of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lungml.models.freezing import schedule_of
from lungml.params.model import ANY_CHOSEN, ChosenParams, RecipeParams, TuneParams
from lungml.params.space import Range, Scalar, is_whole, with_values

_OWN = tuple(ChosenParams.model_fields)


@dataclass(frozen=True)
class Candidate:
    """Values by dotted name; no `learning_rate` where the schedule has its own."""

    values: Mapping[str, Scalar]


def searched_names(tune: TuneParams) -> list[str]:
    """The names of a space in a fixed order: what every candidate has, then fields of the recipe."""
    return [*_OWN, *sorted(name for name in tune.space if name not in _OWN)]


def middle_of(tune: TuneParams) -> Candidate:
    """The middle of a space: the first of each list of choices, the middle of each range."""
    middle: dict[str, Scalar] = {}
    for name, searched in tune.space.root.items():
        if not isinstance(searched, Range):
            middle[name] = searched[0]
        elif is_whole(name, searched, ANY_CHOSEN, tune.recipe):
            middle[name] = round(searched.middle)
        else:
            middle[name] = searched.middle
    return Candidate(middle)


def apply_candidate(recipe: RecipeParams, candidate: Candidate) -> tuple[RecipeParams, ChosenParams]:
    """The recipe with the candidate's values in it, and what the candidate has beside the recipe."""
    own = {name: candidate.values.get(name) for name in _OWN}
    others = {name: value for name, value in candidate.values.items() if name not in own}
    return with_values(recipe, others), ChosenParams.model_validate(own)


def candidate_of(best: Mapping[str, Any]) -> Candidate:
    """What a search chose, from its `best.json`."""
    fields = {*_OWN, *RecipeParams.model_fields}
    chosen = {name: value for name, value in best.items() if name.split(".")[0] in fields}
    return Candidate({name: value for name, value in chosen.items() if value is not None})


def takes_rate(recipe: RecipeParams, values: Mapping[str, Scalar]) -> bool:
    """Whether the schedule of `recipe` with `values` (of its fields) takes the tuned learning rate."""
    return schedule_of(with_values(recipe, values)).learning_rates is None
