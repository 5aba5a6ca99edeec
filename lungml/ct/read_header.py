"""Read the header of one DICOM file."""

from __future__ import annotations

import math
import os
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pydicom
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_file_meta_info

from lungml.ct.elements import Elements
from lungml.ct.fast_header import walk_header
from lungml.ct.header import (
    DEFLATED,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    Header,
    PixelFormat,
    Place,
    Scan,
)
from lungml.ct.scan import lacks_preamble
from lungml.quarantine import RefusedError, finding


def read_header(raw: Path, path: str) -> Header:
    """Read the header of `raw / path`.

    Raises:
        RefusedError: it cannot be read (LM-D005, LM-D031, LM-D032).
    """
    with (raw / path).open("rb") as stream:
        walked = walk_header(stream, _WANTED)
        if walked is None:
            return _read_with_pydicom(stream, raw, path)
        pixels = _pixel_format(walked.elements, walked.transfer_syntax, walked.location, stream)
        return _header(path, walked.elements, pixels, _notes(walked.preamble, bare=False))


def _read_with_pydicom(stream: BinaryIO, raw: Path, path: str) -> Header:
    with pydicom_errors(path, "LM-D005"):
        stream.seek(0)
        head = stream.read(_HEAD_BYTES)
        if DEFLATED.encode() in head:
            _refuse_inflation_bomb(raw / path, path)
        stream.seek(0)
        bare = head[128:132] != b"DICM" and lacks_preamble(head)
        dataset = pydicom.dcmread(stream, stop_before_pixels=True, specific_tags=_TAGS, force=bare)
        elements = Elements(dataset)
        syntax = _transfer_syntax(dataset)
        pixels = _pixel_format(elements, syntax, _pixel_element(stream, syntax), stream)
        return _header(path, elements, pixels, _notes(head, bare))


@contextmanager
def pydicom_errors(path: str, code: str) -> Iterator[None]:
    """Turn what pydicom raises on broken files into a refusal with `code`; its warnings are dropped."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except RefusedError:
        raise
    except RecursionError as error:
        raise RefusedError(finding("LM-D032", path, "deeper than Python can follow", "at most 32")) from error
    except _PYDICOM_ERRORS as error:
        raise RefusedError(finding(code, path, f"{type(error).__name__} in pydicom", "no error")) from error


_PYDICOM_ERRORS = (
    BytesLengthException,
    InvalidDicomError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What pydicom 3.0.2 raised on 20,000 mutated files, and their bases."""

_HEAD_BYTES = 1024
_MAX_INFLATION = 100
_CHUNK = 1 << 20
_UNDEFINED_LENGTH = 0xFFFFFFFF

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
_WANTED = frozenset(int(pydicom.tag.Tag(name)) for name in _TAGS)


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
    """Descriptions never refuse a file, so what cannot be parsed counts as missing."""
    known = list(elements.unreadable)
    scan = Scan(
        manufacturer=elements.text(0x00080070),
        model=elements.text(0x00081090),
        kernel=elements.text(0x00181210),
        sex=elements.text(0x00100040),
        kvp=_or_nan(elements.number(0x00180060, "KVP")),
        slice_thickness_mm=_or_nan(elements.number(0x00180050, "SliceThickness")),
        age_years=_years(elements.text(0x00101010)),
    )
    elements.unreadable[:] = known
    return scan


def _pixel_format(elements: Elements, syntax: str, location: _Location, stream: BinaryIO) -> PixelFormat:
    offset, length = location
    signed = elements.words(0x00280103, "PixelRepresentation")
    samples = elements.words(0x00280002, "SamplesPerPixel")
    frames = elements.number(0x00280008, "NumberOfFrames")
    return PixelFormat(
        transfer_syntax=syntax,
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
        file_bytes=os.fstat(stream.fileno()).st_size,
        lossy=elements.text(0x00282110),
    )


_Location = tuple[int | None, int | None]


def _pixel_element(stream: BinaryIO, syntax: str) -> _Location:
    """Offset and declared length of the pixels; pydicom stopped at the start of their element."""
    if syntax == DEFLATED:
        return None, None
    order = ">" if syntax == EXPLICIT_BIG else "<"
    start = stream.tell()
    head = stream.read(12)
    if len(head) < 12 or struct.unpack(f"{order}HH", head[:4]) != (0x7FE0, 0x0010):
        return None, None
    at = 4 if syntax == IMPLICIT_LITTLE else 8
    (length,) = struct.unpack_from(f"{order}I", head, at)
    return start + at + 4, None if length == _UNDEFINED_LENGTH else length


def _transfer_syntax(dataset: Any) -> str:
    """The declared syntax; files without file meta are uncompressed, as pydicom found their encoding."""
    meta = getattr(dataset, "file_meta", None)
    declared = str(meta.get("TransferSyntaxUID", "")) if meta is not None else ""
    implicit, little = dataset.original_encoding
    if declared:
        return declared
    return EXPLICIT_BIG if little is False else IMPLICIT_LITTLE if implicit else EXPLICIT_LITTLE


def _notes(head: bytes, bare: bool) -> tuple[str, ...]:
    if bare:
        return ("LM-D003",)
    return ("LM-D004",) if head[:128].startswith((b"MZ", b"\x7fELF", b"#!", b"PK", b"%PDF")) else ()


def _identities(patient_id: str, name: str, birth_date: str) -> tuple[str, ...]:
    words = [patient_id, birth_date, *re.split(r"[\^=\s,]+", name)]
    return tuple(word for word in words if word)


def _years(age: str) -> float:
    """DICOM age such as 053Y, 018M, 010W or 004D in years; NaN if it is none."""
    match = re.fullmatch(r"(\d{1,3})([YMWD])", age)
    return int(match[1]) / {"Y": 1, "M": 12, "W": 52.1775, "D": 365.25}[match[2]] if match else math.nan


def _or_nan(value: float | None) -> float:
    return math.nan if value is None or not math.isfinite(value) else value


def _refuse_inflation_bomb(file: Path, path: str) -> None:
    """Inflate in chunks and stop where it grows beyond `_MAX_INFLATION` times the file."""
    read_file_meta_info(file)
    limit = _MAX_INFLATION * file.stat().st_size
    with file.open("rb") as stream:
        stream.seek(_meta_end(stream))
        inflate, grown = zlib.decompressobj(-zlib.MAX_WBITS), 0
        while chunk := inflate.unconsumed_tail or stream.read(_CHUNK):
            grown += len(inflate.decompress(chunk, _CHUNK))
            if grown > limit:
                raise RefusedError(finding("LM-D031", path, f"more than {_MAX_INFLATION} times its size"))


def _meta_end(stream: BinaryIO) -> int:
    """Where the file meta group ends: its group length element, always first, says so."""
    stream.seek(132)
    head = stream.read(12)
    if head[:8] != b"\x02\x00\x00\x00UL\x04\x00":
        raise InvalidDicomError("the file meta group has no length")
    return 144 + int(struct.unpack("<I", head[8:])[0])
