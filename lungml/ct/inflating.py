"""A deflated data set as a file that can be read and positioned; it is inflated only as far as it is read."""

from __future__ import annotations

import os
import zlib
from typing import BinaryIO

from lungml.quarantine import RefusedError, finding

MAX_INFLATION = 100
_PACKED = 1 << 16
_FIRST_STEP, _LAST_STEP = 1 << 14, 1 << 20
"""Bytes inflated at a time: few at first, as most files are asked for their header alone."""


class Inflated:
    """What is behind the file meta group of a deflated file, inflated; position 0 is its first byte.

    Reading beyond `MAX_INFLATION` times the size of the file refuses it (LM-D031).
    """

    def __init__(self, stream: BinaryIO, path: str) -> None:
        self._stream = stream
        self._path = path
        self._limit = MAX_INFLATION * os.fstat(stream.fileno()).st_size
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._bytes = bytearray()
        self._at = 0
        self._step = _FIRST_STEP

    def read(self, count: int = -1) -> bytes:
        """Up to `count` bytes, fewer only at the end; all that are left if negative."""
        end = self._at + count if count >= 0 else None
        while (end is None or len(self._bytes) < end) and self._grow():
            pass
        start, self._at = self._at, len(self._bytes) if end is None else min(end, len(self._bytes))
        return bytes(memoryview(self._bytes)[start : self._at])

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a position; from the end only after inflating everything."""
        if whence == os.SEEK_END:
            self.read()
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: len(self._bytes)}[whence]
        return self._at

    def tell(self) -> int:
        """The position."""
        return self._at

    def _grow(self) -> bool:
        packed = self._inflate.unconsumed_tail or self._stream.read(_PACKED)
        if not packed or self._inflate.eof:
            return False
        self._bytes += self._inflate.decompress(packed, self._step)
        self._step = min(2 * self._step, _LAST_STEP)
        if len(self._bytes) > self._limit:
            raise RefusedError(finding("LM-D031", self._path, f"more than {MAX_INFLATION} times its size"))
        return True
