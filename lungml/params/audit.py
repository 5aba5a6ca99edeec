"""Section `audit`: what counts as leakage between the parts, and what a person has looked at and accepts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lungml.params.section import Section


class AcceptedFinding(Section):
    """A finding that was looked at and does no harm."""

    code: Annotated[str, Field(pattern=r"^LM-V\d{3}$")]
    """Code of the finding."""
    nodules: tuple[str, ...] = ()
    """Nodules it may name; none listed: whichever it names."""
    reason: Annotated[str, Field(min_length=10)]
    """Why it does no harm; it is written into the result."""


class AuditParams(Section):
    """The search for leakage before anything is trained."""

    turned_copies: bool = True
    """Also look for copies that are turned, mirrored, shifted or zoomed; it takes most of the time."""
    near_correlation: Annotated[float, Field(ge=0.9, le=1)] = 0.905
    """Nodule views whose structure correlates this much are copies of each other."""
    slice_correlation: Annotated[float, Field(ge=0.85, le=1)] = 0.93
    """Slice views whose vessels correlate this much are the same slice or neighbours."""
    neighbour_mm: Annotated[float, Field(ge=0)] = 10.0
    """Planes of one series this near to each other show the same tissue."""
    leak_auc: Annotated[float, Field(ge=0.5, lt=1)] = 0.6
    """A warning is given where the label can be told from names, order or headers alone better than this,
    by the lower end of the interval."""
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95
    """Of that interval over patients, for all things that are tried together."""
    accepted: tuple[AcceptedFinding, ...] = ()
    """Findings that were reviewed and do not stop the pipeline."""
