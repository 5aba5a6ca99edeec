"""The base of every section of `params.yaml`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Typed and frozen; a key it does not know is an error, and so is a value of another type."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
