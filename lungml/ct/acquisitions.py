"""Several acquisitions in one series: parts of one volume if they lie beside each other, else rivals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from lungml.ct.geometry import normal_of, position_of
from lungml.ct.header import Header
from lungml.params.data import CtParams
from lungml.quarantine import Finding, finding


def without_rivals(headers: Sequence[Header], params: CtParams) -> tuple[list[Header], list[Finding]]:
    """Of acquisitions (by AcquisitionNumber) that cover the same region keep the one with most images.

    Ties go to the lower number. Acquisitions beside each other, as of a table that moves step by step, are
    all kept.

    Returns:
        Headers, in the order given, and one finding (LM-D057) for each acquisition left out.
    """
    groups: dict[str, list[Header]] = defaultdict(list)
    for header in headers:
        groups[header.acquisition].append(header)
    normal = normal_of(headers[0])
    kept: dict[str, tuple[float, float]] = {}
    findings = []
    for number in sorted(groups, key=lambda each: (-len(groups[each]), len(each), each)):
        positions = [position_of(header, normal) for header in groups[number]]
        span = min(positions), max(positions)
        if any(_overlap(span, other) > params.position_tolerance_mm for other in kept.values()):
            found = f"{len(groups[number])} images of another acquisition"
            findings.append(finding("LM-D057", groups[number][0].path, found, "one acquisition"))
        else:
            kept[number] = span
    return [header for header in headers if header.acquisition in kept], findings


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> float:
    return min(one[1], other[1]) - max(one[0], other[0])
