"""Where a volume file keeps its voxels."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

SIZE_DIGITS = 15


class HeaderError(ValueError):
    """The header of a volume file is not what it should be; the text says what was found."""


@dataclass(frozen=True)
class Voxels:
    """Where the voxels begin and how many bytes they are when unpacked.

    Attributes:
        packing: "raw", "gzip" or "zlib".
        skip: from the start of the file, or from the end of the header if `relative`; -1: the last bytes.
        file: another file in the same folder; '' for this one.
        size_at: where in the clean header `SIZE_DIGITS` digits wait for the packed size; -1: nowhere.
    """

    length: int
    packing: str = "raw"
    skip: int = 0
    relative: bool = False
    file: str = ""
    size_at: int = -1


def bytes_of(sizes: tuple[int, ...], bytes_each: int) -> int:
    """Bytes of an array.

    Raises:
        HeaderError: a size is not positive, or the array is beyond 16 GiB.
    """
    if not sizes or min(sizes) < 1 or prod(sizes) * bytes_each > 2**34:
        raise HeaderError("an impossible size")
    return prod(sizes) * bytes_each


def plain_file(name: str) -> str:
    """A name of a file in the same folder.

    Raises:
        HeaderError: it is a path, a list or a pattern.
    """
    if not name or name.startswith((".", "LIST")) or any(sign in name for sign in "/\\:%\0"):
        raise HeaderError("voxels that lie elsewhere")
    return name
