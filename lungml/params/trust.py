"""What is shown beside the metrics so that they can be trusted."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lungml.params.section import Section

Open = Annotated[float, Field(gt=0, lt=1)]


class TrustParams(Section):
    """Operating points, prediction sets and abstention."""

    sensitivities: Annotated[tuple[Open, ...], Field(min_length=1)] = (0.9, 0.95)
    """Thresholds are fixed on validation so that so many of the malignant nodules are found."""
    prevalence: Open = 0.05
    """Share of malignant nodules where the model is to be used; predictive values are also shown for it."""
    miscoverage: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    """Prediction sets may miss the class of so many nodules, of each class."""
    abstention: Annotated[float, Field(gt=0, lt=0.5)] = 0.05
    """So many usual images may be called too far from those of train."""
