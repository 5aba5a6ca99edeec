"""Sections about judging, explaining, registering and reporting a model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lungml.params.section import Section


class EvaluateParams(Section):
    """Metrics on the test part."""

    replicates: Annotated[int, Field(ge=100)] = 1000
    """Patient-clustered bootstrap replicates."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    seed: int = 20250301


class ExplainParams(Section):
    """Grad-CAM++ maps of test cases."""

    cases_per_group: Annotated[int, Field(ge=1)] = 2
    """Cases shown for each class among the correct, the wrong and the uncertain."""


class RegisterParams(Section):
    """How a model enters the MLflow registry."""

    promotion: Literal["first", "never"] = "first"
    """`first`: a task without a champion gets this one; later ones stay challengers until promoted."""


class ReportParams(Section):
    """The HTML report."""

    title: str = "lungml report"
