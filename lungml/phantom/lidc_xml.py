"""Readings as an XML file in the form of LIDC-IDRI's: `LidcReadMessage`, namespace http://www.nih.gov.

Source: the reading files of LIDC-IDRI (Armato et al. 2015, doi:10.7937/K9/TCIA.2015.LO9QL9SX).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lungml.phantom.readings import Contour, Reading
from lungml.phantom.scores import Rating

_CHARACTERISTICS = {
    "subtlety": "subtlety",
    "internalStructure": "internal_structure",
    "calcification": "calcification",
    "sphericity": "sphericity",
    "margin": "margin",
    "lobulation": "lobulation",
    "spiculation": "spiculation",
    "texture": "texture",
    "malignancy": "malignancy",
}
"""XML name -> field of `Rating`, in the order of the file."""


@dataclass(frozen=True)
class PlaneReference:
    """How the XML names a plane: its SOP UID and the third coordinate of its ImagePositionPatient."""

    sop_uid: str
    z_position: str


@dataclass(frozen=True)
class ReadMessage:
    """All that a file says; `mirrored_columns` is how many there are, if stored rows run backwards."""

    message_uid: str
    study_uid: str
    series_uid: str
    planes: Sequence[PlaneReference]
    readers: Sequence[Sequence[Reading]]
    mirrored_columns: int | None = None


def read_message_xml(message: ReadMessage) -> str:
    """The text of the file."""
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<LidcReadMessage uid="{message.message_uid}" xmlns="http://www.nih.gov" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        'xsi:schemaLocation="http://www.nih.gov http://troll.rad.med.umich.edu/lidc/LidcReadMessage.xsd">',
        *_header(message),
    ]
    for reader, readings in enumerate(message.readers):
        lines += ["<readingSession>", "<annotationVersion>3.12</annotationVersion>"]
        lines += ["<servicingRadiologistID>anon</servicingRadiologistID>"]
        for number, reading in enumerate(readings):
            lines += _reading(reading, f"{reader}{number:03d}", message)
        lines.append("</readingSession>")
    return "\n".join([*lines, "</LidcReadMessage>", ""])


def _header(message: ReadMessage) -> list[str]:
    return [
        "<ResponseHeader>",
        "<Version>1.8</Version>",
        "<MessageId>1</MessageId>",
        "<DateRequest>2000-01-01</DateRequest>",
        "<TimeRequest>00:00:00</TimeRequest>",
        "<RequestingSite>removed</RequestingSite>",
        "<ServicingSite>removed</ServicingSite>",
        "<TaskDescription>Second unblinded read</TaskDescription>",
        "<CtImageFile>removed</CtImageFile>",
        f"<SeriesInstanceUid>{message.series_uid}</SeriesInstanceUid>",
        "<DateService>2000-01-01</DateService>",
        "<TimeService>00:00:00</TimeService>",
        "<ResponseDescription>1 - Reading complete</ResponseDescription>",
        f"<StudyInstanceUID>{message.study_uid}</StudyInstanceUID>",
        "</ResponseHeader>",
    ]


def _reading(reading: Reading, name: str, message: ReadMessage) -> list[str]:
    if reading.kind == "non-nodule":
        contour = reading.contours[0]
        point = _pixels(contour, message, "locus")
        place = _plane(contour, message)
        return ["<nonNodule>", f"<nonNoduleID>{name}</nonNoduleID>", *place, *point, "</nonNodule>"]
    lines = ["<unblindedReadNodule>", f"<noduleID>{name}</noduleID>", *_characteristics(reading.rating)]
    for contour in reading.contours:
        lines += ["<roi>", *_plane(contour, message), "<inclusion>TRUE</inclusion>"]
        lines += [*_pixels(contour, message, "edgeMap"), "</roi>"]
    return [*lines, "</unblindedReadNodule>"]


def _characteristics(rating: Rating | None) -> list[str]:
    if rating is None:
        return []
    values = [f"<{name}>{getattr(rating, field)}</{name}>" for name, field in _CHARACTERISTICS.items()]
    return ["<characteristics>", *values, "</characteristics>"]


def _plane(contour: Contour, message: ReadMessage) -> list[str]:
    plane = message.planes[contour.plane]
    return [
        f"<imageZposition>{plane.z_position}</imageZposition>",
        f"<imageSOP_UID>{plane.sop_uid}</imageSOP_UID>",
    ]


def _pixels(contour: Contour, message: ReadMessage, tag: str) -> list[str]:
    """One element per pixel; a closed outline ends where it began, as LIDC's do."""
    closed = contour.pixels if len(contour.pixels) == 1 else (*contour.pixels, contour.pixels[0])
    last = message.mirrored_columns
    lines = []
    for row, column in closed:
        stored = column if last is None else last - 1 - column
        lines += [f"<{tag}>", f"<xCoord>{stored}</xCoord>", f"<yCoord>{row}</yCoord>", f"</{tag}>"]
    return lines
