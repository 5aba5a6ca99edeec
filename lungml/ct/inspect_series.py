"""From the files of one series to its grid and statistics, or to the reason why it is set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lungml.ct.acquisitions import without_rivals
from lungml.ct.duplicates import without_duplicates
from lungml.ct.frames import with_frames
from lungml.ct.geometry import Geometry, geometry_of, in_order
from lungml.ct.header import Header
from lungml.ct.opening import readable
from lungml.ct.read import assemble, read_plane
from lungml.ct.series import check_files, check_series, with_rescale, without_outliers
from lungml.ct.statistics import Collector, ImageStatistics
from lungml.params.data import CtParams
from lungml.quarantine import Finding, finding


@dataclass(frozen=True)
class Inspected:
    """A series that can be used; `slices` are in the order of their positions."""

    slices: tuple[Header, ...]
    geometry: Geometry
    statistics: ImageStatistics
    findings: tuple[Finding, ...]


def inspect_series(raw: Path, headers: Sequence[Header], params: CtParams) -> Inspected:
    """Check a series and read its pixels once.

    Raises:
        RefusedError: the series is set aside; the finding says why.
    """
    with readable(headers[0].path):
        return _inspect(raw, headers, params)


def _inspect(raw: Path, headers: Sequence[Header], params: CtParams) -> Inspected:
    images = with_rescale(with_frames(raw, headers), params)
    findings = check_files(images)
    parallel, outliers = without_outliers(images)
    check_series(parallel, params)
    chosen, rivals = without_rivals(parallel, params)
    slices, duplicates = without_duplicates(raw, in_order(chosen), params)
    check_series(slices, params)
    geometry = geometry_of(slices, params)
    statistics = _statistics(raw, slices, geometry)
    findings += outliers + rivals + duplicates
    if statistics.padding_fraction > 0:
        findings.append(finding("LM-D027", slices[0].path, f"{statistics.padding_fraction:.1%} of pixels"))
    return Inspected(tuple(slices), geometry, statistics, tuple(findings))


def _statistics(raw: Path, slices: Sequence[Header], geometry: Geometry) -> ImageStatistics:
    """Plane by plane where files are planes, so that memory does not grow with the series."""
    collector = Collector()
    if geometry.orientation.is_axial:
        upwards = reversed(slices) if geometry.orientation.flipped[0] else slices
        for header in upwards:
            collector.add(*read_plane(raw, header))
    else:
        volume = assemble(raw, slices, geometry)
        collector.add(volume.hu, volume.padding)
    inverted = any(header.pixels.photometric == "MONOCHROME1" for header in slices)
    return collector.result(slices[0].path, white_is_low=inverted)
