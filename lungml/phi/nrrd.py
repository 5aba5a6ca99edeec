"""The header of an NRRD file: the fields that say what the voxels are and where they lie, no others.

Source: the definition of the NRRD file format, version 5 (teem.sourceforge.net/nrrd/format.html).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import BinaryIO

from lungml.phi.voxels import HeaderError, Voxels, bytes_of, plain_file

_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|nan|inf|-inf"
_NUMBERS = rf"({_NUMBER})( +({_NUMBER})){{0,15}}"
_VECTOR = rf"(none|\( *({_NUMBER})( *, *({_NUMBER})){{0,3}} *\))"
_WORDS = r"(cell|node|none|\?+|domain|space|time|list|vector|scalar|complex)"
_TYPES = {
    1: r"signed char|int8|int8_t|uchar|unsigned char|uint8|uint8_t",
    2: r"short|short int|signed short|signed short int|int16|int16_t|ushort|unsigned short|"
    r"unsigned short int|uint16|uint16_t",
    4: r"int|signed int|int32|int32_t|uint|unsigned int|uint32|uint32_t|float",
    8: r"longlong|long long|long long int|int64|int64_t|ulonglong|unsigned long long|uint64|uint64_t|double",
}
FIELDS = {
    "type": "|".join(_TYPES.values()),
    "dimension": r"\d{1,2}",
    "sizes": r"\d+( +\d+){0,15}",
    "space": r"[a-z]+(-[a-z]+){0,3}|[RLAPSI]{3}T?|3D-(right|left)-handed",
    "space dimension": r"\d",
    "spacings": _NUMBERS,
    "thicknesses": _NUMBERS,
    "axis mins": _NUMBERS,
    "axis maxs": _NUMBERS,
    "space directions": rf"{_VECTOR}( +{_VECTOR}){{0,15}}",
    "space origin": _VECTOR,
    "measurement frame": rf"{_VECTOR}( +{_VECTOR}){{0,3}}",
    "space units": r'"(mm|)"( +"(mm|)"){0,15}',
    "units": r'"(mm|)"( +"(mm|)"){0,15}',
    "centers": rf"{_WORDS}( +{_WORDS}){{0,15}}",
    "centerings": rf"{_WORDS}( +{_WORDS}){{0,15}}",
    "kinds": rf"{_WORDS}( +{_WORDS}){{0,15}}",
    "endian": r"little|big",
    "encoding": r"raw|gzip|gz",
    "byte skip": r"-1|\d+",
}
"""Field -> the pattern of its whole value; a value of another form does not pass."""
_SPACES = (
    "right-anterior-superior", "left-anterior-superior", "left-posterior-superior", "ras", "las", "lps",
    "scanner-xyz",
)  # fmt: skip
_MOST_LINES = 1000
_MOST_CHARACTERS = 10_000


def clean_header(stream: BinaryIO, rename: Callable[[str], str]) -> tuple[bytes, Voxels]:
    """The lines that pass, and where the voxels are.

    Raises:
        HeaderError: this is no NRRD, a field that is needed is missing, or its encoding is not supported.
    """
    magic = stream.readline(_MOST_CHARACTERS).strip()
    if not re.fullmatch(rb"NRRD000[1-5]", magic):
        raise HeaderError("no NRRD header")
    given = _fields(stream)
    kept = {name: value for name, value in given.items() if _passes(name, value)}
    voxels = _voxels(kept, given.get("data file") or given.get("datafile") or "")
    kept.pop("byte skip", None)
    lines = [magic.decode(), *(f"{name}: {value}" for name, value in kept.items())]
    lines += [f"data file: {rename(voxels.file)}"] if voxels.file else []
    return ("\n".join(lines) + "\n\n").encode("ascii"), voxels


def _fields(stream: BinaryIO) -> dict[str, str]:
    """Fields up to the empty line; comments (#) and key/value pairs (:=) are not among them."""
    fields: dict[str, str] = {}
    for _ in range(_MOST_LINES):
        line = stream.readline(_MOST_CHARACTERS).decode("latin-1").rstrip("\r\n")
        if not line:
            return fields
        name, colon, value = line.partition(": ")
        if colon and not line.startswith("#") and ":=" not in line.split(": ")[0]:
            fields[name.strip().lower()] = value.strip()
    raise HeaderError("a header without end")


def _passes(name: str, value: str) -> bool:
    pattern = FIELDS.get(name)
    if pattern is None or not re.fullmatch(pattern, value):
        return False
    return name != "space" or value.lower().removesuffix("-time") in _SPACES


def _voxels(kept: dict[str, str], file: str) -> Voxels:
    missing = [name for name in ("type", "dimension", "sizes", "encoding") if name not in kept]
    if missing:
        raise HeaderError(f"no usable {missing[0]}")
    each = next(size for size, names in _TYPES.items() if re.fullmatch(names, kept["type"]))
    length = bytes_of(tuple(int(size) for size in kept["sizes"].split()), each)
    packing = "raw" if kept["encoding"] == "raw" else "gzip"
    skip = int(kept.get("byte skip", "0"))
    return Voxels(length, packing, skip, relative=True, file=plain_file(file) if file else "")
