"""The raw elements of a plain DICOM header, walked here instead of by pydicom.

Only what leaves no doubt is walked: a preamble, file meta of the length it declares, uncompressed little
endian or a standard compression, ascending tags up to the pixels, known VRs, and sequences whose delimiters
are where they belong. Anything else gives None, and pydicom reads the file; what is given equals pydicom's.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import BinaryIO

from pydicom.charset import python_encoding
from pydicom.datadict import dictionary_VR
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, VR

from lungml.ct.elements import Elements
from lungml.ct.header import DEFLATED, EXPLICIT_LITTLE, IMPLICIT_LITTLE


@dataclass(frozen=True, slots=True)
class Walked:
    """Elements before the pixels, and where these are, as `PixelFormat` says it; no preamble is b""."""

    preamble: bytes
    elements: Elements
    transfer_syntax: str
    location: tuple[int | None, int | None]


def walk_header(stream: BinaryIO, wanted: Container[int]) -> Walked | None:
    """Walk the elements up to the pixels.

    Args:
        stream: a file, at its start.
        wanted: tags whose values are kept.

    Returns:
        None if pydicom must read the file; `stream` may then be anywhere.
    """
    try:
        data = stream.read(_FIRST_BYTES)
        if data[128:132] != b"DICM" or DEFLATED.encode() in data:
            return None
        return _walk(data, wanted) or _walk(data + stream.read(_MORE_BYTES), wanted)
    except (_UnsureError, OSError):
        return None


_FIRST_BYTES = 8192
_MORE_BYTES = 1 << 18
"""Most headers fit into the first bytes."""


class _UnsureError(Exception):
    """pydicom must read this file."""


class _Values(Elements):
    """Values by tag, as the walk found them."""

    def __init__(self, values: dict[int, bytes]) -> None:
        self._values = values
        self._order = "<"
        self.unreadable = []


_Element = tuple[int, bytes, int, int]
"""Tag, VR (empty if implicit), where the value begins, and its length."""
_Reader = Callable[[bytes, int], _Element]


def _walk(data: bytes, wanted: Container[int]) -> Walked | None:
    """None if the header is longer than `data`."""
    try:
        syntax, start = _file_meta(data)
        values, (tag, vr, begin, length) = _values(data, start, syntax == IMPLICIT_LITTLE, wanted)
    except struct.error:
        return None
    if tag != _PIXELS or vr not in _VRS_OF_PIXELS or begin + 4 > len(data):
        raise _UnsureError
    location = begin, None if length == _UNDEFINED else length
    return Walked(data[:128], _Values(values), syntax, location)


def _values(
    data: bytes, at: int, implicit: bool, wanted: Container[int]
) -> tuple[dict[int, bytes], _Element]:
    """Values of wanted elements, and the element that follows the last of the header."""
    read = _implicit if implicit else _explicit
    if implicit and data[at + 4 : at + 6].isalpha():
        raise _UnsureError  # pydicom may take it for explicit
    values: dict[int, bytes] = {}
    last = _LAST_OF_META
    while True:
        element = tag, vr, begin, length = read(data, at)
        if not last < tag < _FLOAT_PIXELS:
            return values, element
        at = begin + length if length != _UNDEFINED else _end_of_sequence(data, element, read, 0)
        if tag in wanted:
            if length == _UNDEFINED:
                raise _UnsureError
            values[tag] = data[begin:at]
        elif tag == _CHARACTER_SET:
            _check_character_set(vr, data[begin:at])
        last = tag


def _file_meta(data: bytes) -> tuple[str, int]:
    """Transfer syntax, and where the file meta group ends."""
    if data[132:140] != b"\x02\x00\x00\x00UL\x04\x00":
        raise _UnsureError
    last, syntax, at = _META_LENGTH, b"", 144
    end = at + int(_UINT(data, 140)[0])
    while at < end:
        tag, vr, begin, length = _explicit(data, at)
        if not last < tag <= _LAST_OF_META or length == _UNDEFINED:
            raise _UnsureError
        at = begin + length
        if tag == _TRANSFER_SYNTAX and vr == b"UI":
            syntax = data[begin:at]
        last = tag
    if at != end:
        raise _UnsureError
    return _known_syntax(syntax.removesuffix(b"\0").decode("ascii", errors="replace")), end


def _known_syntax(syntax: str) -> str:
    """Compressed data sets are explicit little endian up to the pixels."""
    compressed = syntax.removeprefix(_JPEG_FAMILY)
    if syntax in {IMPLICIT_LITTLE, EXPLICIT_LITTLE, _RLE} or (compressed != syntax and compressed.isdigit()):
        return syntax
    raise _UnsureError


def _explicit(data: bytes, at: int) -> _Element:
    group, number, vr, short, length = _EXPLICIT(data, at)
    if vr in _SHORT_VRS:
        return group << 16 | number, vr, at + 8, short
    if vr not in _LONG_VRS:
        raise _UnsureError
    return group << 16 | number, vr, at + 12, length


def _implicit(data: bytes, at: int) -> _Element:
    group, number, length = _IMPLICIT(data, at)
    return group << 16 | number, b"", at + 8, length


def _end_of_sequence(data: bytes, element: _Element, read: _Reader, depth: int) -> int:
    """Where a sequence of undefined length ends."""
    tag, vr, at, _ = element
    if depth > _MAX_DEPTH or not (vr == b"SQ" or (not vr and _is_known_sequence(tag))):
        raise _UnsureError
    while True:
        tag, _, at, length = _implicit(data, at)
        if tag == _SEQUENCE_END and length == 0:
            return at
        if tag != _ITEM:
            raise _UnsureError
        at = _end_of_item(data, at, length, read, depth)


def _end_of_item(data: bytes, at: int, length: int, read: _Reader, depth: int) -> int:
    end = at + length
    while length == _UNDEFINED or at < end:
        if length == _UNDEFINED and data[at : at + 8] == _ITEM_END:
            return at + 8
        element = tag, vr, begin, size = read(data, at)
        if tag >= _ITEM_GROUP:
            raise _UnsureError
        at = _end_of_sequence(data, element, read, depth + 1) if size == _UNDEFINED else begin + size
        if tag == _CHARACTER_SET:
            _check_character_set(vr, data[begin:at])
    if at != end:
        raise _UnsureError
    return at


def _is_known_sequence(tag: int) -> bool:
    """Of private tags pydicom looks at the bytes to tell."""
    try:
        return dictionary_VR(tag) == "SQ"
    except KeyError:
        return False


def _check_character_set(vr: bytes, value: bytes) -> None:
    name = value.rstrip(b" \0").decode("ascii", errors="replace")
    if vr not in {b"", b"CS"} or name not in python_encoding:
        raise _UnsureError


_EXPLICIT = struct.Struct("<HH2sHI").unpack_from
"""Tag, VR, then a length of 2 bytes, or (behind 2 empty bytes) of 4."""
_IMPLICIT = struct.Struct("<HHI").unpack_from
_UINT = struct.Struct("<I").unpack_from
_UNDEFINED = 0xFFFFFFFF
_MAX_DEPTH = 16

_LONG_VRS = frozenset(vr.value.encode() for vr in EXPLICIT_VR_LENGTH_32)
_SHORT_VRS = frozenset(vr.value.encode() for vr in VR if len(vr.value) == 2) - _LONG_VRS
_VRS_OF_PIXELS = (b"OW", b"OB", b"")

_META_LENGTH = 0x00020000
_TRANSFER_SYNTAX = 0x00020010
_LAST_OF_META = 0x0002FFFF
_CHARACTER_SET = 0x00080005
_FLOAT_PIXELS = 0x7FE00008
_PIXELS = 0x7FE00010
_ITEM_GROUP = 0xFFFE0000
_ITEM = 0xFFFEE000
_ITEM_END = b"\xfe\xff\x0d\xe0\0\0\0\0"
_SEQUENCE_END = 0xFFFEE0DD

_RLE = "1.2.840.10008.1.2.5"
_JPEG_FAMILY = "1.2.840.10008.1.2.4."
