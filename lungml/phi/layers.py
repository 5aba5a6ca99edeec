"""What is in a file besides its bytes: unpacked, inflated, or read from pages that are packed."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sqlite3
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, BinaryIO

from lungml.archives.entry import ArchiveError, Limits, Type
from lungml.archives.zip_entries import zip_entries

Layer = tuple[str, Iterator[bytes]]

_CHUNK = 1 << 20
_LIMITS = Limits(ratio=2000, slack_bytes=64 * 2**20, entries=2_000_000)
_DEEPEST = 3
_MOST_IN_MEMORY = 64 * 2**20
UNREADABLE = (
    ArchiveError, EOFError, OSError, ValueError, lzma.LZMAError, sqlite3.Error, struct.error, zlib.error,
)  # fmt: skip
"""What reading a layer may raise; then that layer is said to be unreadable."""


def layers(stream: BinaryIO, depth: int = 0) -> Iterator[Layer]:
    """The bytes of a file as they are (named ''), then those of everything in it that is packed.

    Each is (where it is in the file, chunks of bytes); the chunks must be read before the next one.
    """
    head = _head(stream)
    yield "", _chunks(stream)
    if depth >= _DEEPEST:
        return
    for magic, at, reader in _READERS:
        if head[at : at + len(magic)] == magic:
            yield from reader(stream, depth)


def _head(stream: BinaryIO) -> bytes:
    stream.seek(0)
    return stream.read(1024)


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    stream.seek(0)
    while chunk := stream.read(_CHUNK):
        yield chunk


def _opened_by(opener: Callable[[BinaryIO], Any], name: str) -> Callable[[BinaryIO, int], Iterator[Layer]]:
    def read(stream: BinaryIO, _depth: int) -> Iterator[Layer]:
        stream.seek(0)
        with opener(stream) as unpacked:
            yield name, _limited(iter(lambda: unpacked.read(_CHUNK), b""), stream)

    return read


def _limited(chunks: Iterator[bytes], stream: BinaryIO) -> Iterator[bytes]:
    packed = _size(stream)
    total = 0
    for chunk in chunks:
        total += len(chunk)
        _LIMITS.check_bytes(total, packed)
        yield chunk


def _size(stream: BinaryIO) -> int:
    at = stream.tell()
    size = stream.seek(0, 2)
    stream.seek(at)
    return size


def _zip(stream: BinaryIO, depth: int) -> Iterator[Layer]:
    """Members by number: their names are in the file's own bytes, and may be a patient's."""
    for number, entry in enumerate(zip_entries(stream, _LIMITS), start=1):
        place = f"member {number} of the archive"
        if entry.type is not Type.FILE:
            continue
        first = b""
        for chunk in entry.chunks:
            first += chunk
            if len(first) > _MOST_IN_MEMORY:
                break
        if len(first) > _MOST_IN_MEMORY:
            yield place, _joined(first, entry.chunks)
            continue
        for inner, chunks in layers(io.BytesIO(first), depth + 1):
            yield f"{place}{', ' if inner else ''}{inner}", chunks


def _joined(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _png(stream: BinaryIO, _depth: int) -> Iterator[Layer]:
    """Compressed texts and colour profiles; plain texts are in the file's own bytes."""
    stream.seek(8)
    while len(head := stream.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind not in {b"zTXt", b"iTXt", b"iCCP"}:
            stream.seek(length + 4, 1)
            continue
        data = stream.read(min(length, _MOST_IN_MEMORY))
        stream.seek(length - len(data) + 4, 1)
        packed = data.split(b"\0", 1)[-1].lstrip(b"\0\1")
        at = packed.find(b"\x78")
        if at >= 0:
            yield f"PNG {kind.decode()}", iter([_inflated(packed[at:], 15)])


def _inflated(data: bytes, wbits: int) -> bytes:
    try:
        return zlib.decompressobj(wbits).decompress(data, _MOST_IN_MEMORY)
    except zlib.error:
        return b""


def _dicom(stream: BinaryIO, _depth: int) -> Iterator[Layer]:
    """The data set, where it is deflated."""
    head = _head(stream)
    if b"1.2.840.10008.1.2.1.99" not in head or head[132:140] != b"\x02\x00\x00\x00UL\x04\x00":
        return
    stream.seek(144 + struct.unpack_from("<I", head, 140)[0])
    unpacker = zlib.decompressobj(-15)

    def pieces() -> Iterator[bytes]:
        while data := unpacker.unconsumed_tail or stream.read(_CHUNK):
            yield unpacker.decompress(data, _CHUNK)

    yield "the deflated data set", _limited(pieces(), stream)


def _parquet(stream: BinaryIO, _depth: int) -> Iterator[Layer]:
    """Every column that is no fraction, as text."""
    import pyarrow
    import pyarrow.parquet

    stream.seek(0)
    file = pyarrow.parquet.ParquetFile(stream)
    for number, field in enumerate(file.schema_arrow):
        if pyarrow.types.is_floating(field.type):
            continue
        name = field.name

        def texts(name: str = name) -> Iterator[bytes]:
            for batch in file.iter_batches(columns=[name]):
                yield "\n".join(map(str, batch.column(0).to_pylist())).encode("utf-8", "replace") + b"\n"

        yield f"column {number + 1}", texts()


def _sqlite(stream: BinaryIO, _depth: int) -> Iterator[Layer]:
    """Every text and blob, as long ones are spread over the file's pages."""
    name = getattr(stream, "name", None)
    if not isinstance(name, str):
        return
    with closing(sqlite3.connect(f"file:{name.replace('?', '%3f')}?mode=ro&immutable=1", uri=True)) as base:
        base.text_factory = bytes
        tables = base.execute("select name from sqlite_master where type = 'table'").fetchall()
        for number, (table,) in enumerate(tables, start=1):
            rows = base.execute(f'select * from "{table.decode()}"')  # noqa: S608 (its own name, quoted)
            yield f"table {number}", (_row(row) for row in rows)


def _row(row: tuple[object, ...]) -> bytes:
    return b"\n".join(cell if isinstance(cell, bytes) else str(cell).encode() for cell in row) + b"\n"


_READERS: tuple[tuple[bytes, int, Callable[[BinaryIO, int], Iterator[Layer]]], ...] = (
    (b"PK\3\4", 0, _zip),
    (b"\x1f\x8b", 0, _opened_by(gzip.open, "unpacked")),
    (b"\xfd7zXZ\0", 0, _opened_by(lzma.open, "unpacked")),
    (b"BZh", 0, _opened_by(bz2.open, "unpacked")),
    (b"\x89PNG\r\n\x1a\n", 0, _png),
    (b"DICM", 128, _dicom),
    (b"PAR1", 0, _parquet),
    (b"SQLite format 3\0", 0, _sqlite),
)
"""First bytes, where they are -> what reads the packed parts."""
