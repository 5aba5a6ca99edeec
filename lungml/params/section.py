"""The base of every section of `params.yaml`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import ErrorDetails, PydanticCustomError

SENTENCE = "sentence"
"""Type of the errors whose text says all there is to say."""

Seed = Annotated[int, Field(ge=0, lt=2**31)]
"""What every generator takes, with room for the seeds of folds and members above it."""

_EXPECTED = {
    "tuple_type": "Input should be a list",
    "dict_type": "Input should be names with values",
    "model_type": "Input should be names with values",
}
"""Type of error -> words for those who write YAML; all others are pydantic's."""


class Section(BaseModel):
    """Typed and frozen; a key it does not know is an error, and so is a value of another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


def refusal(sentence: str) -> PydanticCustomError:
    """An error for a validator to raise."""
    # The sentence is an argument, since braces in it are not ours to fill.
    return PydanticCustomError(SENTENCE, "{sentence}", {"sentence": sentence})


def in_words(error: ErrorDetails) -> str:
    """What is wrong with a value, and the value; a refusal says all of it itself."""
    if error["type"] == SENTENCE:
        return error["msg"]
    return f"{_EXPECTED.get(error['type'], error['msg'])}, found {error['input']!r}"
