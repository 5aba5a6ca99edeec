"""Entries of a zip file, read from its directory without keeping it in memory.

Source: PKWARE's APPNOTE 6.3.10. Stored and deflated entries are read, which is what every program writes.
"""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from lungml.archives.entry import ArchiveError, Entry, Limits, Type

_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_LOCAL = struct.Struct("<4s5H3I2H")
_LARGE = 0xFFFFFFFF
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 0x1
_UTF8 = 0x800
_CHUNK = 1 << 18
_UNIX = 3


@dataclass(frozen=True)
class _Item:
    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    unpacked: int
    mode: int
    at: int


def zip_entries(stream: BinaryIO, limits: Limits) -> Iterator[Entry]:
    """Every entry, after the sizes that the directory declares have been checked.

    Raises:
        ArchiveError: it is no zip file, lies about itself, or is beyond the limits.
    """
    check_directory(stream, limits)
    for item in _directory(stream, limits):
        yield Entry(_decoded(item), _type(item), _file(stream, item))


def check_directory(stream: BinaryIO, limits: Limits) -> None:
    """Check what the directory declares, without unpacking anything.

    Raises:
        ArchiveError: entries are too many, too large, encrypted or overlap.
    """
    size = stream.seek(0, 2)
    packed = unpacked = 0
    for item in _directory(stream, limits):
        packed += item.packed
        unpacked += item.unpacked
        if item.flags & _ENCRYPTED:
            raise ArchiveError("encrypted entries")
        if packed > size:
            raise ArchiveError("entries that overlap")
        limits.check_bytes(unpacked, size)


def _directory(stream: BinaryIO, limits: Limits) -> Iterator[_Item]:
    count, at = _place_of_directory(stream)
    limits.check_entries(count)
    for _ in range(count):
        stream.seek(at)
        item, at = _item(stream, at)
        yield item


def _place_of_directory(stream: BinaryIO) -> tuple[int, int]:
    """How many entries there are, and where the first one's record is."""
    size = stream.seek(0, 2)
    start = max(0, size - _END.size - 0xFFFF)
    stream.seek(start)
    tail = stream.read()
    found = tail.rfind(b"PK\5\6")
    if found < 0 or found + _END.size > len(tail):
        raise ArchiveError("no directory of a zip file")
    _, disk, _, _, count, _, at, _ = _END.unpack_from(tail, found)
    if disk not in {0, 0xFFFF}:
        raise ArchiveError("a part of a divided archive")
    if count == 0xFFFF or at == _LARGE:
        return _large_place(stream, start + found)
    return count, at


def _large_place(stream: BinaryIO, end: int) -> tuple[int, int]:
    stream.seek(max(0, end - 20))
    locator = stream.read(20)
    if locator[:4] != b"PK\6\7":
        raise ArchiveError("no directory of a zip file")
    stream.seek(struct.unpack_from("<Q", locator, 8)[0])
    record = stream.read(_END64.size)
    if len(record) < _END64.size or record[:4] != b"PK\6\6":
        raise ArchiveError("no directory of a zip file")
    values = _END64.unpack(record)
    return values[7], values[9]


def _item(stream: BinaryIO, at: int) -> tuple[_Item, int]:
    head = stream.read(_ENTRY.size)
    if len(head) < _ENTRY.size or head[:4] != b"PK\1\2":
        raise ArchiveError("a broken directory")
    (_, made, _, flags, method, _, _, crc, packed, unpacked, *lengths, _, _, outer, place) = _ENTRY.unpack(
        head
    )
    name_length, extra_length, comment_length = lengths
    name, extra = stream.read(name_length), stream.read(extra_length)
    packed, unpacked, place = _large_values(extra, packed, unpacked, place)
    mode = outer >> 16 if made >> 8 == _UNIX else 0
    end = at + _ENTRY.size + name_length + extra_length + comment_length
    return _Item(name, flags, method, crc, packed, unpacked, mode, place), end


def _large_values(extra: bytes, packed: int, unpacked: int, place: int) -> tuple[int, int, int]:
    """Sizes beyond 4 GiB are in an extra field, in this order, those that need it only."""
    at, wide = 0, b""
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            wide = extra[at + 4 : at + 4 + length]
        at += 4 + length
    values = iter(struct.unpack(f"<{len(wide) // 8}Q", wide[: len(wide) // 8 * 8]))
    try:
        unpacked = next(values) if unpacked == _LARGE else unpacked
        packed = next(values) if packed == _LARGE else packed
        place = next(values) if place == _LARGE else place
    except StopIteration:
        raise ArchiveError("a broken directory") from None
    return packed, unpacked, place


def _decoded(item: _Item) -> str:
    if item.flags & _UTF8:
        return item.name.decode("utf-8", "surrogateescape")
    try:
        return item.name.decode("utf-8")
    except UnicodeDecodeError:
        return item.name.decode("cp437")


def _type(item: _Item) -> Type:
    if stat.S_ISLNK(item.mode):
        return Type.LINK
    if item.name.endswith(b"/") or stat.S_ISDIR(item.mode):
        return Type.FOLDER
    return Type.FILE if stat.S_IFMT(item.mode) in {0, stat.S_IFREG} else Type.OTHER


def _file(stream: BinaryIO, item: _Item) -> Iterator[bytes]:
    """The unpacked bytes; more or other bytes than declared are refused."""
    stream.seek(item.at)
    head = stream.read(_LOCAL.size)
    if len(head) < _LOCAL.size or head[:4] != b"PK\3\4":
        raise ArchiveError("an entry that is not where the directory says")
    *_, name_length, extra_length = _LOCAL.unpack(head)
    if stream.read(name_length) != item.name:
        raise ArchiveError("an entry with two names")
    stream.seek(item.at + _LOCAL.size + name_length + extra_length)
    crc = length = 0
    for chunk in _unpacked(stream, item):
        length += len(chunk)
        if length > item.unpacked:
            raise ArchiveError("an entry that is larger than it says")
        crc = zlib.crc32(chunk, crc)
        yield chunk
    if length != item.unpacked or crc != item.crc:
        raise ArchiveError("an entry that is damaged")


def _unpacked(stream: BinaryIO, item: _Item) -> Iterator[bytes]:
    if item.method not in {_STORED, _DEFLATED}:
        raise ArchiveError("a packing method other than stored and deflated")
    unpacker = zlib.decompressobj(-15) if item.method == _DEFLATED else None
    left = item.packed
    while left and (data := stream.read(min(left, _CHUNK))):
        left -= len(data)
        if unpacker is None:
            yield data
            continue
        while data and not unpacker.eof:
            yield unpacker.decompress(data, _CHUNK)
            data = unpacker.unconsumed_tail
    if unpacker is not None:
        yield unpacker.flush()
