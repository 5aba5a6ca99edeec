"""LIDC XML files: what up to four readers marked in one CT series.

A file has one `readingSession` per reader; sessions are numbered, as a reader is no stable person across
series. A session holds nodules of at least 3 mm (contours and characteristics), nodules below 3 mm (one
point) and non-nodules (one point). Source: LIDC-IDRI, Armato et al. 2011, doi:10.1118/1.3528204, and the
files themselves. Names are matched without namespace.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from xml.etree.ElementTree import Element

from lungml.nodules.xml_tree import XmlError, children, first_text, read_xml
from lungml.quarantine import RefusedError, finding


class Kind(StrEnum):
    """What a reader marked."""

    NODULE = "nodule"
    SMALL = "small"
    NON_NODULE = "non-nodule"


SCALES = {
    "malignancy": 5,
    "subtlety": 5,
    "sphericity": 5,
    "margin": 5,
    "lobulation": 5,
    "spiculation": 5,
    "texture": 5,
    "calcification": 6,
    "internal_structure": 4,
}
"""Characteristic -> the top of its scale; all begin at 1."""

NOT_GIVEN = 0


@dataclass(frozen=True)
class Contour:
    """An outline in one slice, or a point.

    Attributes:
        sop_uid: of the image; '' if missing.
        z_mm: imageZposition; NaN if missing.
        inclusion: False for a hole.
        x_px: column indices of the vertices in the file's image, the first pixel's centre is 0.
        y_px: row indices, likewise.
    """

    sop_uid: str
    z_mm: float
    inclusion: bool
    x_px: tuple[float, ...]
    y_px: tuple[float, ...]


@dataclass(frozen=True)
class Reading:
    """One reader's marks of one nodule; `ratings` has every name of `SCALES`, 0 if not given."""

    reader: int
    kind: Kind
    ratings: dict[str, int]
    contours: tuple[Contour, ...]
    invalid: tuple[str, ...]
    """What could not be used of the ratings, such as `malignancy = 7`."""


@dataclass(frozen=True)
class ReadingFile:
    """All readings of a file; `path` is relative to the raw folder."""

    path: str
    series_uid: str
    study_uid: str
    readings: tuple[Reading, ...]


def parse_readings(raw: Path, path: str) -> ReadingFile:
    """Parse the LIDC XML file `raw / path`.

    Raises:
        RefusedError: it is hostile or malformed (LM-X001), or holds no CT readings (LM-X002).
    """
    try:
        root = read_xml(raw / path)
    except XmlError as error:
        raise RefusedError(finding("LM-X001", path, str(error))) from error
    header = next(children(root, "ResponseHeader"), Element("none"))
    series_uid = first_text(header, "SeriesInstanceUid") or first_text(header, "SeriesInstanceUID")
    if root.tag != "LidcReadMessage" or not series_uid:
        raise RefusedError(finding("LM-X002", path, f"a {root.tag} without a CT series", "LidcReadMessage"))
    study_uid = first_text(header, "StudyInstanceUID") or ""
    sessions = enumerate(children(root, "readingSession"), start=1)
    try:
        readings = tuple(reading for number, session in sessions for reading in _readings(session, number))
    except ValueError as error:
        raise RefusedError(finding("LM-X001", path, f"an unreadable value ({error})", "numbers")) from error
    return ReadingFile(path, series_uid, study_uid, readings)


def _readings(session: Element, reader: int) -> Iterator[Reading]:
    for mark in session:
        if mark.tag.casefold() == "unblindedreadnodule":
            yield _nodule(mark, reader)
        elif mark.tag.casefold() == "nonnodule":
            yield Reading(reader, Kind.NON_NODULE, _no_ratings(), (_point(mark),), ())


def _nodule(mark: Element, reader: int) -> Reading:
    contours = tuple(_contour(roi) for roi in children(mark, "roi"))
    outlined = any(len(contour.x_px) > 1 for contour in contours)
    if not outlined:
        return Reading(reader, Kind.SMALL, _no_ratings(), contours, ())
    ratings, invalid = _ratings(next(children(mark, "characteristics"), Element("none")))
    return Reading(reader, Kind.NODULE, ratings, contours, invalid)


def _ratings(characteristics: Element) -> tuple[dict[str, int], tuple[str, ...]]:
    """Ratings by our names; what is missing or off its scale is 0 and listed."""
    given = {child.tag.casefold(): (child.text or "").strip() for child in characteristics}
    ratings, invalid = {}, []
    for name, top in SCALES.items():
        text = given.get(name.replace("_", ""), "")
        valid = text.isdecimal() and 1 <= int(text) <= top
        ratings[name] = int(text) if valid else NOT_GIVEN
        if not valid:
            invalid.append(f"{name} = {_shown(text)}")
    return ratings, tuple(invalid)


def _shown(text: str) -> str:
    """A number as a message may have it; free text may hold a name."""
    return (
        text
        if re.fullmatch(r"[-+0-9.,]{1,12}", text)
        else f"{len(text)} other characters"
        if text
        else "nothing"
    )


def _no_ratings() -> dict[str, int]:
    return dict.fromkeys(SCALES, NOT_GIVEN)


def _contour(roi: Element) -> Contour:
    edge = list(children(roi, "edgeMap"))
    return _with_points(roi, edge, inclusion=(first_text(roi, "inclusion") or "TRUE").upper() != "FALSE")


def _point(mark: Element) -> Contour:
    return _with_points(mark, list(children(mark, "locus")), inclusion=True)


def _with_points(mark: Element, points: list[Element], *, inclusion: bool) -> Contour:
    return Contour(
        sop_uid=first_text(mark, "imageSOP_UID") or "",
        z_mm=float(first_text(mark, "imageZposition") or math.nan),
        inclusion=inclusion,
        x_px=tuple(float(first_text(point, "xCoord") or "nothing") for point in points),
        y_px=tuple(float(first_text(point, "yCoord") or "nothing") for point in points),
    )
