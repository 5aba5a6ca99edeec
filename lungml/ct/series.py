"""Files grouped into series, and what may be wrong with a series before its pixels are read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydicom.config import IGNORE
from pydicom.uid import UID

from lungml.ct.elements import shown
from lungml.ct.header import Header
from lungml.ct.rules import MULTI_FRAME_CT, NOTE_RULES, SINGLE_FRAME_CT, first_broken
from lungml.params.data import CtParams
from lungml.quarantine import Finding, RefusedError, finding


def group_by_series(headers: Iterable[Header]) -> tuple[dict[str, list[Header]], list[Finding]]:
    """Group CT images by SeriesInstanceUID, files sorted by path; everything else is skipped.

    Returns:
        Series UID -> its files, and findings about files that are no CT images or belong to no series.
    """
    groups: dict[str, list[Header]] = defaultdict(list)
    findings = []
    for header in sorted(headers, key=lambda each: each.path):
        skipped = _skip(header)
        if skipped is None:
            groups[header.series_uid].append(header)
        else:
            findings.append(skipped)
    return dict(sorted(groups.items())), findings


def _skip(header: Header) -> Finding | None:
    if not header.sop_class:
        return finding("LM-D005", header.path, "no SOPClassUID", "one")
    if _ends_in_header(header):
        return finding("LM-D001", header.path, "no SeriesInstanceUID and no pixel data", "an image")
    if header.sop_class != SINGLE_FRAME_CT and header.sop_class not in MULTI_FRAME_CT:
        return finding("LM-D047", header.path, shown(header.sop_class), "a CT image")
    if "LOCALIZER" in header.image_type:
        return finding("LM-D046", header.path, "ImageType LOCALIZER")
    if not (header.series_uid and header.study_uid):
        return finding("LM-D026", header.path, "no SeriesInstanceUID or StudyInstanceUID", "both")
    return None


def _ends_in_header(header: Header) -> bool:
    """Objects that are no images have a series; of a cut SOPClassUID nobody knows the name."""
    known = header.sop_class not in {UID(header.sop_class, IGNORE).name, SINGLE_FRAME_CT}
    return header.pixels.offset is None and not header.series_uid and not known


def with_rescale(headers: Iterable[Header], params: CtParams) -> list[Header]:
    """Give images without any rescale that of `params.assume_rescale`, if there is one (LM-D020)."""
    if params.assume_rescale is None:
        return list(headers)
    slope, intercept = params.assume_rescale
    return [
        replace(header, slope=slope, intercept=intercept, notes=(*header.notes, "LM-D020"))
        if header.slope is None and header.intercept is None
        else header
        for header in headers
    ]


def check_files(headers: Sequence[Header]) -> list[Finding]:
    """Check each image of a series.

    Returns:
        Notes, one for each code.

    Raises:
        RefusedError: an image breaks a rule; the finding counts the images that break the same one.
    """
    broken = {each.address: result for each in headers if (result := first_broken(each)) is not None}
    if broken:
        path, (code, found, expected) = next(iter(broken.items()))
        count = sum(result[0] == code for result in broken.values())
        raise RefusedError(finding(code, path, f"{found} (in {count} of {len(headers)} images)", expected))
    return _notes(headers)


def _notes(headers: Sequence[Header]) -> list[Finding]:
    notes: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for header in headers:
        for code in header.notes:
            notes[code].append((header.path, "one"))
        for rule in NOTE_RULES:
            if (result := rule.broken(header)) is not None:
                notes[rule.code].append((header.path, result[0]))
        if not header.patient_id:
            notes["LM-D055"].append((header.path, "none"))
    numbers = Counter(header.instance_number for header in headers)
    for header in headers:
        if not header.instance_number or numbers[header.instance_number] > 1:
            notes["LM-D040"].append((header.path, "the same one" if header.instance_number else "none"))
    return [
        finding(code, where[0][0], f"{where[0][1]} (in {len(where)} of {len(headers)} images)")
        for code, where in sorted(notes.items())
    ] + _differences(headers)


def _differences(headers: Sequence[Header]) -> list[Finding]:
    names = [rule.name for rule in _SHOULD_AGREE if len({rule.value(header) for header in headers}) > 1]
    expected = "the same in all slices"
    return [finding("LM-D059", headers[0].path, ", ".join(names), expected)] if names else []


@dataclass(frozen=True)
class SeriesRule:
    """Something all files of a series must share, or nearly always do."""

    name: str
    value: Callable[[Header], object]


_MUST_AGREE = (
    SeriesRule("PatientID", lambda header: header.patient_id),
    SeriesRule("StudyInstanceUID", lambda header: header.study_uid),
    SeriesRule("SOPClassUID", lambda header: header.sop_class),
    SeriesRule("Rows and Columns", lambda header: (header.pixels.rows, header.pixels.columns)),
    SeriesRule("PixelSpacing", lambda header: _rounded(header.place.spacing, 4)),
    SeriesRule("ImageOrientationPatient", lambda header: _rounded(header.place.orientation, 3)),
)

_SHOULD_AGREE = (
    SeriesRule("RescaleSlope and RescaleIntercept", lambda header: (header.slope, header.intercept)),
    SeriesRule("PixelPaddingValue", lambda header: (header.pixels.padding, header.pixels.padding_limit)),
    SeriesRule("PixelRepresentation", lambda header: header.pixels.signed),
)
"""Legal to differ, and used slice by slice; but a wrong digit in one slice looks like this."""


def without_outliers(headers: Sequence[Header]) -> tuple[list[Header], list[Finding]]:
    """Leave out images that are not parallel to the rest, if they are few (localizers)."""
    usual, _ = Counter(_rounded(header.place.orientation, 2) for header in headers).most_common(1)[0]
    kept = [header for header in headers if _is_parallel(header, usual)]
    dropped = [header for header in headers if not _is_parallel(header, usual)]
    if len(dropped) > _MAX_OUTLIER_SHARE * len(headers):
        return list(headers), []
    return kept, [finding("LM-D046", each.path, "an orientation unlike the others'") for each in dropped]


def _is_parallel(header: Header, usual: tuple[float, ...]) -> bool:
    return bool(np.allclose(header.place.orientation or (), usual, atol=_PARALLEL_TOLERANCE))


_MAX_OUTLIER_SHARE = 0.1
_PARALLEL_TOLERANCE = 0.05


def check_series(headers: Sequence[Header], params: CtParams) -> None:
    """Check that files, all without faults of their own, can be one volume.

    Raises:
        RefusedError: they cannot (LM-D030, LM-D045, LM-D053).
    """
    path = headers[0].path
    for rule in _MUST_AGREE:
        kinds = len({rule.value(header) for header in headers})
        if kinds > 1:
            raise RefusedError(finding("LM-D045", path, f"{kinds} different {rule.name}", "one"))
    if len(headers) < params.min_slices:
        raise RefusedError(finding("LM-D053", path, f"{len(headers)}", f"at least {params.min_slices}"))
    size = len(headers) * (headers[0].pixels.rows or 0) * (headers[0].pixels.columns or 0) * 2
    if size > params.max_volume_gib * 2**30:
        found = f"{len(headers)} slices, {size / 2**30:.1f} GiB"
        raise RefusedError(finding("LM-D030", path, found, f"at most {params.max_volume_gib:g} GiB"))


def _rounded(values: tuple[float, ...] | None, digits: int) -> tuple[float, ...]:
    return tuple(round(value, digits) + 0.0 for value in values or ())
