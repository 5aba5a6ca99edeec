"""Elements of headers that `fast_header` leaves to pydicom, and what pydicom raises on broken files."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

import pydicom
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_dataset
from pydicom.tag import Tag

from lungml.ct.elements import Elements
from lungml.ct.fast_header import Walked
from lungml.ct.header import DEFLATED, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from lungml.ct.inflating import Inflated
from lungml.ct.nesting import refuse_deep_nesting
from lungml.ct.scan import lacks_preamble
from lungml.quarantine import RefusedError, finding


def parse_header(stream: BinaryIO, path: str, tags: list[Any]) -> Walked:
    """Let pydicom read the elements up to the pixels.

    Args:
        stream: a file, anywhere.
        path: for messages.
        tags: whose values are kept.

    Raises:
        RefusedError: the header cannot be read (LM-D005, LM-D031, LM-D032).
    """
    with pydicom_errors(path, "LM-D005"):
        stream.seek(0)
        head = stream.read(_HEAD_BYTES)
        if head[128:132] == b"DICM" and is_deflated(stream):
            return _parse_inflated(stream, path, tags)
        refuse_deep_nesting(stream, _LOOKED_AT, path)
        stream.seek(0)
        bare = head[128:132] != b"DICM" and lacks_preamble(head)
        dataset = pydicom.dcmread(stream, stop_before_pixels=True, specific_tags=tags, force=bare)
        syntax = _transfer_syntax(dataset)
        location = _pixel_element(stream, syntax)
        return Walked(b"" if bare else head[:128], Elements(dataset), syntax, location)


def is_deflated(stream: BinaryIO) -> bool:
    """Whether the file meta group says so; `stream` is then where the deflated bytes begin."""
    stream.seek(0)
    head = stream.read(_HEAD_BYTES)
    end = _meta_end(head) if DEFLATED.encode() in head else 0
    stream.seek(end)
    return DEFLATED.encode() in head[:end]


def _parse_inflated(stream: BinaryIO, path: str, tags: list[Any]) -> Walked:
    inflated = cast("BinaryIO", Inflated(stream, path))
    wanted: list[Any] = [Tag(tag) for tag in tags]
    dataset = read_dataset(inflated, False, True, stop_when=_at_pixels, specific_tags=wanted)
    location = _pixel_element(inflated, EXPLICIT_LITTLE)
    refuse_deep_nesting(inflated, location[0] or 0, path)
    stream.seek(0)
    return Walked(stream.read(128), Elements(dataset), DEFLATED, location)


def _at_pixels(tag: Any, vr: str | None, length: int) -> bool:
    del vr, length
    return tag in {0x7FE00008, 0x7FE00009, 0x7FE00010}


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
_LOOKED_AT = 1 << 18
_UNDEFINED_LENGTH = 0xFFFFFFFF


def _pixel_element(stream: BinaryIO, syntax: str) -> tuple[int | None, int | None]:
    """Offset and declared length of the pixels; pydicom stopped at the start of their element."""
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


def _meta_end(head: bytes) -> int:
    """Where the file meta group ends: its group length element, always first, says so."""
    if head[132:140] != b"\x02\x00\x00\x00UL\x04\x00":
        raise InvalidDicomError("the file meta group has no length")
    return 144 + int(struct.unpack_from("<I", head, 140)[0])
