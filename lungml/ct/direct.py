"""Images as HU straight into their place in a volume; plain ones through one buffer for a whole series.

Taken only where nothing can be wrong: 16-bit words within the declared bits, slope 1, a whole intercept, and
HU that fit. Else nothing is written, and the general road (`pixels`, `hounsfield`) decides, with the same HU
and padding for all that is placed here.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lungml.ct.header import Header
from lungml.ct.hounsfield import UNDECLARED_PADDING_HU, declared_padding, padding_is_tissue, padding_of
from lungml.ct.pixels import Stored, is_plain
from lungml.ct.volume import Hu, Mask
from lungml.terms import AIR_HU


class DirectReader:
    """Reads plain images of `shape` (rows, columns)."""

    def __init__(self, raw: Path, shape: tuple[int, ...]) -> None:
        self._raw = raw
        self._words: NDArray[np.uint16] = np.empty(shape, dtype="<u2")

    def read_into(self, header: Header, hu: Hu, padding: Mask) -> bool:
        """Read one image as HU and padding into `hu` and `padding` (row, column), which may be views.

        Returns:
            False if the general road must read it; then neither array was written.
        """
        if not (is_plain(header.pixels) and _shape(header) == self._words.shape and _has_whole_scale(header)):
            return False
        return self._fill(header) and place(self._stored(header), header, hu, padding)

    def _stored(self, header: Header) -> Stored:
        return self._words.view(np.int16) if header.pixels.signed else self._words

    def _fill(self, header: Header) -> bool:
        """Whether all pixel bytes are there; those go into the buffer."""
        descriptor = os.open(f"{self._raw}/{header.path}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.preadv(descriptor, [self._words.data], header.pixels.offset or 0) == self._words.nbytes
        finally:
            os.close(descriptor)


def place(stored: Stored, header: Header, hu: Hu, padding: Mask) -> bool:
    """Write stored values (row, column) as HU and padding into `hu` and `padding`, which may be views.

    Returns:
        False if the general road must convert them; then neither array was written.
    """
    if stored.dtype.itemsize != 2 or not _has_whole_scale(header):
        return False
    intercept = int(header.intercept or 0)
    low, high = int(stored.min()), int(stored.max())
    if not _fits(low, high, intercept, header):
        return False
    has_padding = _mark_padding(stored, (low, high), header, padding)
    np.add(stored.view(np.int16), np.int16(intercept), out=hu)  # may wrap around; the HU are known to fit
    if has_padding:
        np.copyto(hu, np.int16(AIR_HU), where=padding)
    return True


def _shape(header: Header) -> tuple[int | None, int | None]:
    return header.pixels.rows, header.pixels.columns


def _has_whole_scale(header: Header) -> bool:
    return (
        header.slope == 1.0
        and header.intercept is not None
        and header.intercept.is_integer()
        and _INT16.min <= header.intercept <= _INT16.max
    )


def _fits(low: int, high: int, intercept: int, header: Header) -> bool:
    """Whether stored values from `low` to `high` are within the declared bits, and their HU within 16."""
    span = 1 << (header.pixels.bits_stored or 16)
    least = -span // 2 if header.pixels.signed else 0
    return (
        least <= low
        and high < least + span
        and high < _MINUS_2000_AS_WORD
        and _INT16.min <= low + intercept
        and high + intercept <= _INT16.max
    )


def _mark_padding(stored: Stored, ends: tuple[int, int], header: Header, padding: Mask) -> bool:
    """Fill `padding`; gives whether there may be any. `ends` are the lowest and highest stored value."""
    limit = math.ceil(UNDECLARED_PADDING_HU - (header.intercept or 0.0))
    declared = declared_padding(header)
    if declared is not None and declared[1] >= limit and not padding_is_tissue(header):
        padding[...] = padding_of(stored, header)
        return True
    if ends[0] >= limit:
        padding[...] = False
        return False
    np.less(stored, limit, out=padding)
    return True


_INT16 = np.iinfo(np.int16)
_MINUS_2000_AS_WORD = 63536
