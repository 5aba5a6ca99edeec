"""The header of a MetaImage (MHA, MHD): the keys that say what the voxels are and where they lie.

Source: the MetaImage format (itk.org/Wiki/ITK/MetaIO/Documentation).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import BinaryIO

from lungml.phi.voxels import SIZE_DIGITS, HeaderError, Voxels, bytes_of, plain_file

_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_NUMBERS = rf"({_NUMBER})( +({_NUMBER})){{0,15}}"
_FLAG = r"True|False|true|false|1|0"
_TYPES = {"CHAR": 1, "SHORT": 2, "INT": 4, "LONG": 4, "LONG_LONG": 8, "FLOAT": 4, "DOUBLE": 8}
_TYPE = r"MET_U?(CHAR|SHORT|INT|LONG|LONG_LONG)|MET_FLOAT|MET_DOUBLE"
KEYS = {
    "ObjectType": "Image",
    "NDims": r"\d",
    "BinaryData": "True|true|1",
    "BinaryDataByteOrderMSB": _FLAG,
    "ElementByteOrderMSB": _FLAG,
    "CompressedData": _FLAG,
    **dict.fromkeys(
        ("TransformMatrix", "Rotation", "Orientation", "Offset", "Position", "Origin", "CenterOfRotation",
         "ElementSpacing", "ElementSize"),
        _NUMBERS,
    ),
    "AnatomicalOrientation": r"[RLAPIS?]{1,4}",
    "DimSize": r"\d+( +\d+){0,6}",
    "HeaderSize": r"-1|\d+",
    "ElementNumberOfChannels": r"\d{1,2}",
    "ElementType": _TYPE,
}  # fmt: skip
"""Key -> the pattern of its whole value; a value of another form does not pass."""
_MOST_LINES = 1000
_MOST_CHARACTERS = 10_000


def clean_header(stream: BinaryIO, rename: Callable[[str], str]) -> tuple[bytes, Voxels]:
    """The lines that pass, and where the voxels are.

    Raises:
        HeaderError: this is no MetaImage, or a key that is needed is missing.
    """
    given = _keys(stream)
    kept = {name: value for name, value in given.items() if name in KEYS and re.fullmatch(KEYS[name], value)}
    voxels = _voxels(kept, given["ElementDataFile"])
    kept.pop("HeaderSize", None)
    lines = [f"{name} = {value}" for name, value in kept.items()]
    if voxels.packing == "zlib":
        lines.append(f"CompressedDataSize = {0:0{SIZE_DIGITS}}")
        voxels = replace(voxels, size_at=len("\n".join(lines)) - SIZE_DIGITS)
    lines.append(f"ElementDataFile = {rename(voxels.file) if voxels.file else 'LOCAL'}")
    return ("\n".join(lines) + "\n").encode("ascii"), voxels


def _keys(stream: BinaryIO) -> dict[str, str]:
    keys = {}
    for _ in range(_MOST_LINES):
        line = stream.readline(_MOST_CHARACTERS).decode("latin-1")
        name, equals, value = line.partition("=")
        if not equals:
            raise HeaderError("no MetaImage header")
        keys[name.strip()] = value.strip()
        if name.strip() == "ElementDataFile":
            return keys
    raise HeaderError("a header without end")


def _voxels(kept: dict[str, str], file: str) -> Voxels:
    missing = [name for name in ("NDims", "DimSize", "ElementType") if name not in kept]
    if missing:
        raise HeaderError(f"no usable {missing[0]}")
    word = kept["ElementType"].removeprefix("MET_")
    each = _TYPES[word] if word in _TYPES else _TYPES[word.removeprefix("U")]
    sizes = (*(int(size) for size in kept["DimSize"].split()), int(kept.get("ElementNumberOfChannels", "1")))
    packing = "zlib" if kept.get("CompressedData", "False").lower() in {"true", "1"} else "raw"
    inside = file.upper() == "LOCAL"
    skip = int(kept.get("HeaderSize", "0"))
    return Voxels(
        bytes_of(sizes, each), packing, skip, relative=inside, file="" if inside else plain_file(file)
    )
