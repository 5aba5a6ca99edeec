"""Slices at the same position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from lungml.ct.geometry import normal_of, position_of
from lungml.ct.header import Header
from lungml.ct.hounsfield import to_hounsfield
from lungml.ct.pixels import read_stored
from lungml.ct.volume import Hu
from lungml.params.data import CtParams
from lungml.quarantine import Finding, RefusedError, finding


def without_duplicates(
    raw: Path, ordered: Sequence[Header], params: CtParams
) -> tuple[list[Header], list[Finding]]:
    """Keep the first of slices with the same position and HU.

    Raises:
        RefusedError: two images at one position differ (LM-D042).
    """
    kept, findings = [], []
    for group in _by_position(ordered, params.position_tolerance_mm):
        kept.append(group[0])
        if len(group) == 1:
            continue
        image = _hu(raw, group[0])
        for other in group[1:]:
            if not np.array_equal(image, _hu(raw, other)):
                raise RefusedError(finding("LM-D042", other.path, "another image", "one image a position"))
            findings.append(finding("LM-D041", other.path, "the pixels of another file"))
    return kept, findings


def _by_position(ordered: Sequence[Header], tolerance_mm: float) -> Iterator[list[Header]]:
    normal = normal_of(ordered[0])
    group: list[Header] = []
    for header in ordered:
        if group and position_of(header, normal) - position_of(group[0], normal) > tolerance_mm:
            yield group
            group = []
        group.append(header)
    yield group


def _hu(raw: Path, header: Header) -> Hu:
    return to_hounsfield(read_stored(raw, header), header)[0]
