"""Read the header of one DICOM file."""

from __future__ import annotations

import math
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydicom.tag import Tag

from lungml.ct.elements import Elements
from lungml.ct.fast_header import Walked, walk_header
from lungml.ct.header import DEFLATED, Header, PixelFormat, Place, Scan
from lungml.ct.nesting import refuse_deep_nesting
from lungml.ct.opening import readable
from lungml.ct.slow_header import parse_header


def read_header(raw: Path, path: str) -> Header:
    """Read the header of `raw / path`.

    Raises:
        RefusedError: it cannot be opened (LM-D050) or read (LM-D005, LM-D031, LM-D032).
    """
    with readable(path), (raw / path).open("rb") as stream:
        walked = walk_header(stream, _WANTED) or parse_header(stream, path, _TAGS)
        refuse_deep_nesting(stream, walked.location[0] or 0, path)
        pixels = _pixel_format(walked, os.fstat(stream.fileno()).st_size)
        return _header(path, walked.elements, pixels, _notes(walked.preamble))


_TAGS: list[Any] = [
    "ImageType", "SOPClassUID", "SOPInstanceUID", "Manufacturer", "ManufacturerModelName",
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientAge",
    "SliceThickness", "KVP", "ConvolutionKernel",
    "StudyInstanceUID", "SeriesInstanceUID", "ImagePositionPatient", "ImageOrientationPatient",
    "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns", "PixelSpacing",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "LossyImageCompression",
    "PixelPaddingValue", "PixelPaddingRangeLimit", "RescaleIntercept", "RescaleSlope", "RescaleType",
    "AcquisitionNumber", "InstanceNumber", "BurnedInAnnotation",
]  # fmt: skip
_WANTED = frozenset(int(Tag(name)) for name in _TAGS)


def _header(path: str, elements: Elements, pixels: PixelFormat, notes: tuple[str, ...]) -> Header:
    patient_id = elements.text(0x00100020)
    return Header(
        path=path,
        sop_class=elements.text(0x00080016),
        sop_uid=elements.text(0x00080018),
        series_uid=elements.text(0x0020000E),
        study_uid=elements.text(0x0020000D),
        patient_id=patient_id,
        image_type=elements.texts(0x00080008),
        pixels=pixels,
        place=Place(
            position=elements.numbers(0x00200032, "ImagePositionPatient", 3),
            orientation=elements.numbers(0x00200037, "ImageOrientationPatient", 6),
            spacing=elements.numbers(0x00280030, "PixelSpacing", 2),
        ),
        slope=elements.number(0x00281053, "RescaleSlope"),
        intercept=elements.number(0x00281052, "RescaleIntercept"),
        scan=_scan(elements),
        identities=_identities(patient_id, elements.text(0x00100010), elements.text(0x00100030)),
        unreadable=tuple(elements.unreadable),
        notes=notes,
        frame=None,
        instance_number=elements.text(0x00200013),
        acquisition=elements.text(0x00200012),
        rescale_type=elements.text(0x00281054),
        burned_in=elements.text(0x00280301).upper() == "YES",
    )


def _scan(elements: Elements) -> Scan:
    return _described(tuple(elements.text(tag) for tag in _DESCRIPTIONS))


_DESCRIPTIONS = (0x00080070, 0x00081090, 0x00181210, 0x00100040, 0x00180060, 0x00180050, 0x00101010)


@lru_cache(maxsize=1024)
def _described(texts: tuple[str, ...]) -> Scan:
    """One object for all files of a series. Descriptions refuse no file: what is no number is missing."""
    manufacturer, model, kernel, sex, kvp, thickness, age = (_of_one_value(text) for text in texts)
    return Scan(
        manufacturer=manufacturer,
        model=model,
        kernel=kernel,
        sex=sex,
        kvp=_number_or_nan(kvp),
        slice_thickness_mm=_number_or_nan(thickness),
        age_years=_years(age),
    )


def _pixel_format(walked: Walked, file_bytes: int) -> PixelFormat:
    elements, (offset, length) = walked.elements, walked.location
    if walked.transfer_syntax == DEFLATED:
        file_bytes = (offset or 0) + (length or 0)
    signed = elements.words(0x00280103, "PixelRepresentation")
    samples = elements.words(0x00280002, "SamplesPerPixel")
    frames = elements.number(0x00280008, "NumberOfFrames")
    return _shared_format(
        transfer_syntax=walked.transfer_syntax,
        photometric=elements.text(0x00280004) or None,
        rows=elements.words(0x00280010, "Rows"),
        columns=elements.words(0x00280011, "Columns"),
        frames=1 if frames is None or not math.isfinite(frames) else int(frames),
        samples=1 if samples is None else samples,
        bits_allocated=elements.words(0x00280100, "BitsAllocated"),
        bits_stored=elements.words(0x00280101, "BitsStored"),
        high_bit=elements.words(0x00280102, "HighBit"),
        signed=None if signed is None else signed == 1,
        padding=elements.words(0x00280120, "PixelPaddingValue"),
        padding_limit=elements.words(0x00280121, "PixelPaddingRangeLimit"),
        offset=offset,
        length=length,
        file_bytes=file_bytes,
        lossy=elements.text(0x00282110),
    )


_shared_format = lru_cache(maxsize=1024, typed=True)(PixelFormat)
"""Most files of a series are stored alike."""


def _notes(preamble: bytes) -> tuple[str, ...]:
    if not preamble:
        return ("LM-D003",)
    return ("LM-D004",) if preamble.startswith((b"MZ", b"\x7fELF", b"#!", b"PK", b"%PDF")) else ()


@lru_cache(maxsize=1024)
def _identities(patient_id: str, name: str, birth_date: str) -> tuple[str, ...]:
    words = [patient_id, birth_date, *re.split(r"[\^=\s,]+", name)]
    return tuple(word for word in words if word)


def _years(age: str) -> float:
    """DICOM age such as 053Y, 018M, 010W or 004D in years; NaN if it is none."""
    match = re.fullmatch(r"(\d{1,3})([YMWD])", age)
    return int(match[1]) / {"Y": 1, "M": 12, "W": 52.1775, "D": 365.25}[match[2]] if match else math.nan


def _of_one_value(text: str) -> str:
    """'' if it is longer than a description may be, or binary: its length is broken."""
    return text if len(text) <= 64 and text.isprintable() else ""


def _number_or_nan(text: str) -> float:
    try:
        value = float(text.split("\\", maxsplit=1)[0])
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan
