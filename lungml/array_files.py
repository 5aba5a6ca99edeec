"""NumPy archives (.npz) that come from anywhere: whole arrays of them, or one error."""

from __future__ import annotations

import lzma
import sys
import tokenize
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from lungml.errors import InputError

MAX_BYTES = 1 << 32
"""Of an archive, unpacked."""


class ArraysError(InputError):
    """An archive cannot be used; the text says what was found, without its path, which may name a patient."""


class TooLargeError(ArraysError):
    """It would unpack to more than `MAX_BYTES`."""


class MemberError(ArraysError):
    """One of its arrays cannot be used; the text begins with its name."""


def read_arrays(path: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Those of the arrays `names` that an archive holds, bytes as text; nothing of it is unpickled.

    Raises:
        TooLargeError: it is not even begun to unpack.
        MemberError: a member of such a name is no array, or one of Python objects or of words that are no
            Unicode.
        ArraysError: it is no archive, is damaged or encrypted.
    """
    try:
        with zipfile.ZipFile(path) as members:
            unpacked = sum(member.file_size for member in members.infolist())
        if unpacked > MAX_BYTES:
            raise TooLargeError(f"{unpacked / 2**30:.1f} GiB when unpacked")
        with np.load(path, allow_pickle=False) as archive:
            return {name: _member(archive, name) for name in names if name in archive}
    except _DAMAGE as error:
        raise ArraysError(f"no readable archive of arrays ({error})") from error


def _member(archive: NpzFile, name: str) -> NDArray[Any]:
    try:
        array = archive[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):  # it was an array of objects if NumPy speaks of that
            raise
        raise MemberError(f"{name} of Python objects") from error
    if not isinstance(array, np.ndarray):  # NumPy hands on the bytes of what has no header of an array
        raise MemberError(f"{name} is no array")
    if array.dtype.kind == "S":
        return _decoded(name, array)
    if array.dtype.kind == "U" and not _is_unicode(array):  # NumPy fails only when a word is looked at
        raise MemberError(f"{name} holds characters that do not exist")
    return array


def _decoded(name: str, words: NDArray[np.bytes_]) -> NDArray[np.str_]:
    try:
        return np.char.decode(words, "utf-8")
    except UnicodeDecodeError as error:
        raise MemberError(f"{name} holds bytes that are no UTF-8") from error


def _is_unicode(words: NDArray[np.str_]) -> bool:
    points = np.frombuffer(words.tobytes(), f"{words.dtype.str[0]}u4")
    return not ((points > sys.maxunicode) | ((points >= 0xD800) & (points <= 0xDFFF))).any()


_DAMAGE = (
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, tokenize.TokenError),
    *(OSError, EOFError, ValueError, TypeError, RuntimeError, MemoryError),
)
"""What zipfile, the decompressors and NumPy's reader of headers raise for files that are not whole."""
