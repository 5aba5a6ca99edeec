"""What the cards say that no file of a run knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, StringConstraints

from lungml.params.section import Section

Statement = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3)]


class CardParams(Section):
    """The model card and the data card."""

    statements: Mapping[str, Statement] = Field(default={})
    """What people know, by item (`TRIPOD+AI 18a`, `CLAIM 2024 44`) or chapter (`model card: Intended use`);
    it stands on the card beside what the run says."""
