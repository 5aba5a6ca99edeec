"""LIDC readings without the patient: what the pipeline understands of the file, written anew."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from lungml.files import write_text
from lungml.nodules.lidc_xml import NOT_GIVEN, Contour, Kind, Reading, ReadingFile, parse_readings
from lungml.phi.keys import Pseudonyms

_XML_NAMES = {"internal_structure": "internalStructure"}


def deidentify_readings(raw: Path, path: str, target: Path, names: Pseudonyms) -> None:
    """Write the readings of `raw / path` to `target`; only numbers and replaced UIDs pass.

    Raises:
        RefusedError: it is hostile or malformed (LM-X001), or holds no CT readings (LM-X002).
    """
    write_text(target, "\n".join(_message(parse_readings(raw, path), names)) + "\n")


def _message(file: ReadingFile, names: Pseudonyms) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield '<LidcReadMessage xmlns="http://www.nih.gov">'
    yield "<ResponseHeader>"
    yield f"<SeriesInstanceUid>{names.uid(file.series_uid)}</SeriesInstanceUid>"
    yield f"<StudyInstanceUID>{names.uid(file.study_uid)}</StudyInstanceUID>"
    yield "</ResponseHeader>"
    for reader in range(1, max((reading.reader for reading in file.readings), default=0) + 1):
        yield "<readingSession>"
        for number, reading in enumerate(file.readings):
            if reading.reader == reader:
                yield from _reading(reading, f"{number:04}", names)
        yield "</readingSession>"
    yield "</LidcReadMessage>"


def _reading(reading: Reading, name: str, names: Pseudonyms) -> Iterator[str]:
    if reading.kind is Kind.NON_NODULE:
        yield f"<nonNodule><nonNoduleID>{name}</nonNoduleID>"
        yield from _contour(reading.contours[0], "locus", names)
        yield "</nonNodule>"
        return
    yield f"<unblindedReadNodule><noduleID>{name}</noduleID>"
    given = {key: value for key, value in reading.ratings.items() if value != NOT_GIVEN}
    if given:
        yield "<characteristics>"
        yield from (f"<{name}>{given[key]}</{name}>" for key in given for name in [_XML_NAMES.get(key, key)])
        yield "</characteristics>"
    for contour in reading.contours:
        yield f"<roi><inclusion>{str(contour.inclusion).upper()}</inclusion>"
        yield from _contour(contour, "edgeMap", names)
        yield "</roi>"
    yield "</unblindedReadNodule>"


def _contour(contour: Contour, tag: str, names: Pseudonyms) -> Iterator[str]:
    if math.isfinite(contour.z_mm):
        yield f"<imageZposition>{contour.z_mm!r}</imageZposition>"
    yield f"<imageSOP_UID>{names.uid(contour.sop_uid)}</imageSOP_UID>"
    for x, y in zip(contour.x_px, contour.y_px, strict=True):
        yield f"<{tag}><xCoord>{_number(x)}</xCoord><yCoord>{_number(y)}</yCoord></{tag}>"


def _number(value: float) -> str:
    return f"{value:.0f}" if value.is_integer() else repr(value)
