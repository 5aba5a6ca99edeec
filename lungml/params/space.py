"""A search space as data: the values a search may give to fields of a section, by dotted name."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, RootModel, Tag, ValidationError

from lungml.params.section import Section, in_words, refusal

Scalar = bool | int | float | str


class Range(Section):
    """All numbers from `low` to `high`; whole ones where the field is a whole number."""

    low: float
    high: float
    scale: Literal["linear", "log"] = "linear"

    @property
    def middle(self) -> float:
        """The geometric mean on a log scale, else the arithmetic one."""
        return float((self.low * self.high) ** 0.5) if self.scale == "log" else (self.low + self.high) / 2


def _listed(value: Any) -> Any:
    if isinstance(value, list | tuple) and all(isinstance(each, Scalar) for each in value):
        return value
    raise refusal(f"expected a list of numbers or words, or a range of low and high, found {value!r}")


Choices = Annotated[tuple[Scalar, ...], Field(min_length=1), BeforeValidator(_listed)]
Searched = Annotated[
    Annotated[Range, Tag("range")] | Annotated[Choices, Tag("choices")],
    Discriminator(lambda value: "range" if isinstance(value, dict | Range) else "choices"),
]
"""What one field may be: a list of choices, or a range of numbers."""


class Space(RootModel[dict[str, Searched]]):
    """Dotted name of a field -> what it may be."""

    model_config = ConfigDict(frozen=True)

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]  # names, as of a dict
        return iter(self.root)

    def __getitem__(self, name: str) -> Range | tuple[Scalar, ...]:
        return self.root[name]


SectionT = TypeVar("SectionT", bound=Section)


def with_values(section: SectionT, values: Mapping[str, Any]) -> SectionT:
    """The section with some of its fields replaced, by dotted name ("augment.zoom"), and checked anew.

    Raises:
        KeyError: there is no such field.
        ValidationError: a value is not allowed.
    """
    fields = section.model_dump()
    for name, value in values.items():
        *path, last = name.split(".")
        place: Any = fields
        for step in path:
            place = place.get(step) if isinstance(place, dict) else None
        if not isinstance(place, dict) or last not in place or isinstance(place[last], dict):
            raise KeyError(name)
        place[last] = value
    return type(section).model_validate(fields)


def check_space(space: Space, own: Section, recipe: Section) -> None:
    """Check that every name of a space is a field, with values that it may have and that go together.

    Of the recipe every two values are tried: none of its rules needs a third field to be broken, and none is
    kept at both ends of a range and broken between them.

    Args:
        space: must name every field of `own`, and may name those of `recipe`.
        own: what every candidate has; only its fields matter.
        recipe: what the values of its fields must go together with.

    Raises:
        PydanticCustomError: it is not so; one sentence.
    """
    for name in type(own).model_fields:
        if name not in space:
            raise refusal(
                f"{name} is missing; give it as a list of its choices, of one if it is not searched"
            )
    for name, searched in space.root.items():
        if isinstance(searched, Range):
            _check_ends(name, searched)
        for value in _extremes(searched):
            checked = _checked(name, value, own, recipe)
            if isinstance(searched, Range) and (
                isinstance(checked, bool) or type(checked) not in {int, float}
            ):
                raise refusal(f"{name} is no number, so it takes a list of choices, found a range")
    _check_pairs(
        {name: each for name, each in space.root.items() if name not in type(own).model_fields}, recipe
    )


def is_whole(name: str, searched: Range, own: Section, recipe: Section) -> bool:
    """Whether a searched field takes whole numbers only."""
    return isinstance(_checked(name, searched.low, own, recipe), int)


def _check_ends(name: str, searched: Range) -> None:
    if not searched.low < searched.high:
        raise refusal(f"{name} goes from {searched.low:g} to {searched.high:g}; low must be below high")
    if searched.scale == "log" and searched.low <= 0:
        raise refusal(f"{name} starts at {searched.low:g}; a log scale needs a low above 0")


def _extremes(searched: Range | tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    return (searched.low, searched.high) if isinstance(searched, Range) else searched


def _check_pairs(searched: Mapping[str, Range | tuple[Scalar, ...]], recipe: Section) -> None:
    for pair in itertools.combinations(searched, 2):
        for drawn in itertools.product(*(_extremes(searched[name]) for name in pair)):
            values = dict(zip(pair, drawn, strict=True))
            try:
                with_values(recipe, values)
            except ValidationError as error:
                both = " with ".join(f"{name}: {json.dumps(value)}" for name, value in values.items())
                raise refusal(f"{both} may be drawn; {in_words(error.errors()[0])}") from error


def _checked(name: str, value: Scalar, own: Section, recipe: Section) -> Any:
    """What a field makes of a value."""
    section = own if name in type(own).model_fields else recipe
    try:
        found: Any = with_values(section, {name: value})
    except KeyError as error:
        raise refusal(
            f"{name} cannot be searched; choose of {', '.join(type(own).model_fields)} and the fields of "
            "recipe (docs/params.md)"
        ) from error
    except ValidationError as error:
        raise refusal(f"{name}: {in_words(error.errors()[0])}") from error
    for step in name.split("."):
        found = getattr(found, step)
    return found
