"""Entries of a tar file (plain, gzip, xz), read in one pass with bounded memory.

Source: POSIX.1-2017, pax; GNU tar's long names. Sparse files are refused.
"""

from __future__ import annotations

import lzma
import re
import tarfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from lungml.archives.entry import ArchiveError, Entry, Limits, Type

_BLOCK = 512
_CHUNK = 1 << 18
_LONGEST_HEADER = 1 << 16
_XZ_MEMORY = 72 * 2**20
"""What `xz -9` needs to unpack."""
_CUT = "a tar file that ends early"
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE)
_TYPES = {
    **dict.fromkeys(_FILES, Type.FILE),
    tarfile.DIRTYPE: Type.FOLDER,
    tarfile.SYMTYPE: Type.LINK,
    tarfile.LNKTYPE: Type.LINK,
}


def tar_entries(stream: BinaryIO, limits: Limits) -> Iterator[Entry]:
    """Every entry, in the order of the file.

    Raises:
        ArchiveError: it is no tar file, is damaged or cut, or is beyond the limits.
    """
    reader = _Reader(stream, limits)
    extra: dict[str, str] = {}
    while (head := reader.take(_BLOCK)) and head.strip(b"\0"):
        info = _parsed(head)
        if info.type in {tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.XGLTYPE}:
            values = _pax(reader.padded(info.size))
            extra |= values if info.type != tarfile.XGLTYPE else {}
            continue
        if info.type in {tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK}:
            key = "path" if info.type == tarfile.GNUTYPE_LONGNAME else "linkpath"
            extra[key] = reader.padded(info.size).rstrip(b"\0").decode("utf-8", "surrogateescape")
            continue
        yield from _entry(reader, info, extra)
        extra = {}


def _parsed(head: bytes) -> tarfile.TarInfo:
    try:
        info = tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.HeaderError as error:
        raise ArchiveError("no tar file, or a damaged one") from error
    if info.size < 0:
        raise ArchiveError("an entry of an impossible size")
    return info


def _entry(reader: _Reader, info: tarfile.TarInfo, extra: dict[str, str]) -> Iterator[Entry]:
    if info.type == tarfile.GNUTYPE_SPARSE or any(name.startswith("GNU.sparse") for name in extra):
        raise ArchiveError("sparse files")
    size = extra.get("size", str(info.size))
    if not re.fullmatch(r"\d{1,15}", size):
        raise ArchiveError("an entry of an impossible size")
    kind = _TYPES.get(info.type, Type.OTHER)
    length = int(size) if kind in {Type.FILE, Type.OTHER} else 0
    chunks = reader.chunks(length)
    yield Entry(extra.get("path", info.name), kind, chunks, extra.get("linkpath", info.linkname))
    for _ in chunks:
        pass
    reader.take(-length % _BLOCK)


def _pax(data: bytes) -> dict[str, str]:
    """Records `length key=value`, as text."""
    values, at = {}, 0
    while match := re.compile(rb"(\d{1,6}) ([^=]+)=").match(data, at):
        end = at + int(match[1])
        if end <= match.end():
            raise ArchiveError("a damaged header")
        values[match[2].decode("utf-8", "replace")] = data[match.end() : end - 1].decode(
            "utf-8", "surrogateescape"
        )
        at = end
    return values


class _Reader:
    """Unpacks as it reads, and counts what comes out."""

    def __init__(self, stream: BinaryIO, limits: Limits) -> None:
        self._packed = stream.seek(0, 2)
        stream.seek(0)
        self._limits, self._unpacked, self._entries = limits, 0, 0
        self._chunks = _opened(stream)
        self._buffer = b""

    def take(self, length: int) -> bytes:
        """Exactly that many bytes, or none at the end."""
        data = b"".join(self.chunks(length, may_end=True))
        if length == _BLOCK:
            self._entries += 1
            self._limits.check_entries(self._entries)
        if data and len(data) < length:
            raise ArchiveError(_CUT)
        return data

    def padded(self, length: int) -> bytes:
        """The content of a header entry, which is small."""
        if length > _LONGEST_HEADER:
            raise ArchiveError("a header that is too long")
        data = self.take(length)
        self.take(-length % _BLOCK)
        return data

    def chunks(self, length: int, *, may_end: bool = False) -> Iterator[bytes]:
        """That many bytes, piece by piece."""
        while length:
            if not self._buffer:
                self._buffer = next(self._chunks, b"")
                self._unpacked += len(self._buffer)
                self._limits.check_bytes(self._unpacked, self._packed)
            if not self._buffer:
                if may_end:
                    return
                raise ArchiveError(_CUT)
            piece, self._buffer = self._buffer[:length], self._buffer[length:]
            length -= len(piece)
            yield piece


def _opened(stream: BinaryIO) -> Iterator[bytes]:
    """The unpacked bytes, by what the first ones say."""
    magic = stream.read(6)
    stream.seek(0)
    try:
        if magic.startswith(b"\x1f\x8b"):
            yield from _gunzipped(stream)
        elif magic == b"\xfd7zXZ\0":
            yield from _unxz(stream)
        else:
            yield from iter(lambda: stream.read(_CHUNK), b"")
    except (zlib.error, lzma.LZMAError) as error:
        raise ArchiveError("damaged, or packed with more memory than xz -9 needs") from error


def _gunzipped(stream: BinaryIO) -> Iterator[bytes]:
    data = stream.read(_CHUNK)
    while data:
        unpacker = zlib.decompressobj(31)
        while data and not unpacker.eof:
            if piece := unpacker.decompress(data, _CHUNK):
                yield piece
            data = unpacker.unconsumed_tail or (b"" if unpacker.eof else stream.read(_CHUNK))
        if not unpacker.eof:
            raise ArchiveError(_CUT)
        data = (unpacker.unused_data or stream.read(_CHUNK)).lstrip(b"\0")


def _unxz(stream: BinaryIO) -> Iterator[bytes]:
    unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
    while not unpacker.eof:
        data = stream.read(_CHUNK) if unpacker.needs_input else b""
        if unpacker.needs_input and not data:
            raise ArchiveError(_CUT)
        if piece := unpacker.decompress(data, _CHUNK):
            yield piece
