"""Stored values of one DICOM image: plain bytes directly, everything else through pydicom.

The direct road is taken only where the header leaves no doubt (uncompressed little-endian 16-bit words of
one frame, of exactly the declared length); it gives the same values as pydicom.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.pixels.utils import pixel_array

from lungml.ct.decoding import DECODERS
from lungml.ct.header import DEFLATED, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Header, PixelFormat
from lungml.ct.inflating import Inflated
from lungml.ct.slow_header import is_deflated, pydicom_errors
from lungml.quarantine import RefusedError, finding

Stored = NDArray[Any]


def read_stored(raw: Path, header: Header) -> Stored:
    """Read the stored values of a file that passed the rules.

    Returns:
        (row, column), as stored: before rescale, padding still in it. Signed where the header says so.

    Raises:
        RefusedError: pixels are missing or do not fit (LM-D001, LM-D023, LM-D024) or cannot be decoded
            (LM-D033).
    """
    if is_plain(header.pixels):
        words = _plain_words(raw, header)
        return _with_sign(words, header) if header.pixels.signed else _unsigned(words, header)
    return _decoded(raw, header)


def is_plain(pixels: PixelFormat) -> bool:
    """Whether the pixel bytes can be taken from the file as they are."""
    return (
        pixels.transfer_syntax in {IMPLICIT_LITTLE, EXPLICIT_LITTLE}
        and pixels.offset is not None
        and pixels.length in {pixels.expected_bytes, pixels.expected_bytes + 1}
        and (pixels.bits_allocated, pixels.samples, pixels.frames) == (16, 1, 1)
        and pixels.bits_stored is not None
        and pixels.high_bit in {None, pixels.bits_stored - 1}
    )


def _plain_words(raw: Path, header: Header) -> NDArray[np.uint16]:
    pixels = header.pixels
    with (raw / header.path).open("rb") as stream:
        stream.seek(pixels.offset or 0)
        data = stream.read(pixels.expected_bytes)
    if len(data) != pixels.expected_bytes:
        raise RefusedError(
            finding("LM-D001", header.path, f"{len(data)} pixel bytes", str(pixels.expected_bytes))
        )
    return np.frombuffer(data, dtype="<u2").reshape(pixels.rows or 0, pixels.columns or 0)


def _unsigned(words: NDArray[np.uint16], header: Header) -> Stored:
    limit = (1 << (header.pixels.bits_stored or 16)) - 1
    if limit < 0xFFFF and int(words.max(initial=0)) > limit:
        _refuse_misfits((words > limit) & ~_is_padding_word(words, header), words, header)
    return words


def _with_sign(words: NDArray[np.uint16], header: Header) -> Stored:
    """Two's complement of `bits_stored` bits; the bits above may repeat the sign or be zero.

    Not zero if the header names another high bit: one of the two is wrong then, and values might change sign.
    """
    spare = 16 - (header.pixels.bits_stored or 16)
    values = words.view(np.int16)
    if not spare:
        return values
    extended = (values << spare) >> spare
    misfit = extended != values
    if header.pixels.high_bit in {None, 15 - spare}:
        misfit &= (words >> (16 - spare)) != 0
    if misfit.any():
        padding = _is_padding_word(words, header)
        _refuse_misfits(misfit & ~padding, words, header)
        return np.where(padding, values, extended)
    return extended


def _is_padding_word(words: NDArray[np.uint16], header: Header) -> NDArray[np.bool_]:
    low = header.pixels.padding
    if low is None:
        return np.zeros(words.shape, dtype=np.bool_)
    same: NDArray[np.bool_] = words == low
    return same


def _refuse_misfits(misfit: NDArray[np.bool_], words: NDArray[np.uint16], header: Header) -> None:
    if misfit.any():
        worst = int(words[misfit].max())
        raise RefusedError(
            finding("LM-D024", header.path, f"the word {worst}", f"{header.pixels.bits_stored} bits")
        )


def _decoded(raw: Path, header: Header) -> Stored:
    """Compressed pixels by a process of their own, deflated ones here, the rest by pydicom."""
    if header.pixels.transfer_syntax == DEFLATED:
        stored = _inflated(raw, header)
    elif not header.pixels.is_native:
        stored = DECODERS.decode(raw, header)
    else:
        others = header.pixels.bits_allocated != 16  # bits of 16-bit words are checked below
        with pydicom_errors(header.path, "LM-D033"):
            stored = pixel_array(raw / header.path, index=header.frame or 0, correct_unused_bits=others)
    wanted = (header.pixels.rows, header.pixels.columns)
    if stored.shape != wanted:
        raise RefusedError(
            finding("LM-D023", header.path, f"an array of {stored.shape}", f"(rows, columns) = {wanted}")
        )
    return _checked(stored, header) if stored.dtype.itemsize == 2 else stored


def _checked(stored: Stored, header: Header) -> Stored:
    """The same sign and the same limits as for plain bytes."""
    words = np.ascontiguousarray(stored.astype(stored.dtype.newbyteorder("="), copy=False)).view(np.uint16)
    return _with_sign(words, header) if header.pixels.signed else _unsigned(words, header)


def _inflated(raw: Path, header: Header) -> Stored:
    pixels = header.pixels
    with (raw / header.path).open("rb") as stream, pydicom_errors(header.path, "LM-D033"):
        is_deflated(stream)
        inflated = Inflated(stream, header.path)
        inflated.seek(pixels.offset or 0)
        data = inflated.read(pixels.expected_bytes)
    if len(data) != pixels.expected_bytes:
        raise RefusedError(
            finding("LM-D001", header.path, f"{len(data)} pixel bytes", str(pixels.expected_bytes))
        )
    dtype = f"<{'i' if pixels.signed else 'u'}{(pixels.bits_allocated or 0) // 8}"
    return np.frombuffer(data, dtype).reshape(pixels.rows or 0, pixels.columns or 0)
