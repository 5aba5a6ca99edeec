import math

import pytest
from pydantic import ValidationError, field_validator

from lungml.params.section import Section, Seed, in_words, refusal


class Few(Section):
    seed: Seed = 1
    share: float = 0.5
    names: tuple[str, ...] = ()

    @field_validator("names")
    @classmethod
    def _no_braces(cls, names):
        if "{" in names:
            raise refusal("{x} is not a name")
        return names


def problem(**values):
    with pytest.raises(ValidationError) as caught:
        Few(**values)
    return caught.value.errors()[0]


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_is_what_every_generator_takes(seed):
    assert problem(seed=seed)["loc"] == ("seed",)
    assert Few(seed=0).seed == 0
    assert Few(seed=2**31 - 1).seed == 2**31 - 1


@pytest.mark.parametrize("share", [math.inf, -math.inf, math.nan])
def test_a_number_is_finite(share):
    assert problem(share=share)["type"] == "finite_number"


def test_a_key_that_is_not_known_is_an_error():
    assert problem(shares=0.5)["type"] == "extra_forbidden"


def test_a_section_does_not_change():
    with pytest.raises(ValidationError, match="frozen"):
        Few().share = 0.1


def test_a_list_is_asked_for_in_the_words_of_yaml():
    assert in_words(problem(names=3)) == "Input should be a list, found 3"


def test_a_refusal_is_said_as_it_is_with_its_braces():
    assert in_words(problem(names=["{"])) == "{x} is not a name"
