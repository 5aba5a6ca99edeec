"""The base of every section of `params.yaml`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError

SENTENCE = "sentence"
"""Type of the errors whose text says all there is to say."""


class Section(BaseModel):
    """Typed and frozen; a key it does not know is an error, and so is a value of another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def refusal(sentence: str) -> PydanticCustomError:
    """An error for a validator to raise."""
    # The sentence is an argument, since braces in it are not ours to fill.
    return PydanticCustomError(SENTENCE, "{sentence}", {"sentence": sentence})
