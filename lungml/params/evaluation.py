"""Sections about judging, explaining, registering and reporting a model."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from lungml.params.section import Section, Seed, refusal
from lungml.params.trust import TrustParams

GateMetric = Literal[
    "weighted_auprc", "macro_auprc", "auroc", "f1_weighted", "f1_macro", "accuracy", "balanced_accuracy",
    "mcc", "brier",
]  # fmt: skip
"""Metrics of every task with a better and a worse side."""


class EvaluateParams(Section):
    """Metrics on the test part."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Of the intervals."""
    calibration_bins: Annotated[int, Field(ge=2, le=50)] = 6
    """Bins of equal size, by confidence."""
    null_draws: Annotated[int, Field(ge=100)] = 1000
    """Draws of the calibration error that a perfectly calibrated model would show."""
    replicates: Annotated[int, Field(ge=100)] = 2000
    """Times that patients are drawn anew to compare two models."""
    seed: Seed = 20250301
    """Of those draws."""
    reopen: Literal["freely", "with-reason"] = "freely"
    """`with-reason`: a second model is judged on the same test part only if LUNGML_TEST_REASON says why;
    `freely`: it is judged, and the report warns if nothing says why."""
    preregistration: str | None = None
    """A file that says what is tested, committed before the test part is opened; then a second model of a
    task is only judged with a reason (docs/trust.md)."""
    trust: TrustParams = TrustParams()


class ExplainParams(Section):
    """Grad-CAM++ maps of test cases."""

    cases_per_group: Annotated[int, Field(ge=1)] = 2
    """Cases shown for each class among the correct, the wrong and the uncertain."""
    min_cells: Annotated[int, Field(ge=1)] = 6
    """Maps come from the deepest feature map that is at least so many cells wide."""
    batch_size: Annotated[int, Field(ge=1)] = 64
    """Images that are mapped together."""
    checked_cases: Annotated[int, Field(ge=8)] = 32
    """Test cases on which it is checked whether the maps can be trusted: one a patient, classes in turn."""
    seed: Seed = 20250301
    """Of the shuffled weights and random maps in these checks."""


class GateParams(Section):
    """What a challenger must show beside the champion, on the test nodules that both answered."""

    rule: Literal["superior", "not-inferior"] = "superior"
    """`superior`: better by more than `margin`; `not-inferior`: worse by less than `margin`. The lower end of
    the interval of the paired difference decides."""
    metric: GateMetric = "weighted_auprc"
    margin: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """In the metric's own unit; `not-inferior` needs one above 0."""
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    """Of the interval."""
    replicates: Annotated[int, Field(ge=100)] = 2000
    """Times that patients are drawn anew."""
    seed: Seed = 20250301
    """Of those draws."""

    @model_validator(mode="after")
    def _tolerates_something(self) -> Self:
        if self.rule == "not-inferior" and self.margin == 0:
            raise refusal("rule not-inferior needs a margin above 0, for example 0.02; or take rule superior")
        return self


class RegisterParams(Section):
    """How a model enters the MLflow registry, and how it becomes champion."""

    promotion: Literal["first", "never"] = "first"
    """`first`: a task without a champion gets this one; later ones stay challengers until promoted."""
    gate: GateParams = GateParams()


class ReportParams(Section):
    """The HTML report."""

    title: str = "lungml report"
