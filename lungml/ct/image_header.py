"""Text headers of NRRD and MetaImage files: what SimpleITK does not tell of them, or would believe.

It follows a header to any file of the machine, takes the values of a file that ends early, and gives a
spacing of 1 mm where none is known.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from lungml.quarantine import RefusedError, finding

Fields = dict[str, str]
"""Name of a field, in lower case and without spaces -> its text."""


def check(raw: Path, path: str) -> None:
    """Refuse a file that is empty, or whose header is not one this version trusts.

    Raises:
        RefusedError: LM-D060 or LM-D067.
    """
    if (raw / path).stat().st_size == 0:
        raise RefusedError(finding("LM-D060", path, "an empty file", "an image"))
    fields = read_fields(raw / path)
    if path.lower().endswith(".nrrd") and "datafile" in fields:
        raise RefusedError(
            finding("LM-D067", path, "a reference to another file", "values in the file itself")
        )
    if path.lower().endswith((".mha", ".mhd")):
        _check_meta(raw, fields, path)


def check_place(raw: Path, path: str) -> None:
    """Refuse an NRRD volume that does not say where left, back and head are.

    Raises:
        RefusedError: LM-D064.
    """
    fields = read_fields(raw / path)
    if not path.lower().endswith(".nrrd") or fields.get("dimension") != "3":
        return
    known = fields.get("space", "").lower() in _SPACES
    if not known or "none" in fields.get("spacedirections", "none").lower():
        found = "no space directions" if known else "no anatomical space"
        raise RefusedError(finding("LM-D064", path, found, "space and space directions"))


def has_spacing(path: Path) -> bool:
    """Whether a file of one image says how far its pixels are apart."""
    name, fields = path.name.lower(), read_fields(path)
    if name.endswith(".nrrd"):
        text = fields.get("spacedirections") or fields.get("spacings") or ""
        numbers = [float(word) for word in re.findall(_NUMBER, text)]
        return bool(numbers) and all(math.isfinite(number) for number in numbers)
    return not name.endswith((".mha", ".mhd")) or "elementspacing" in fields


def data_file(path: Path) -> str:
    """Name of the file beside a MetaImage header that holds its values; '' if they are in the same file."""
    name = read_fields(path).get("elementdatafile", "LOCAL")
    return "" if name.upper() == "LOCAL" else name


def read_fields(path: Path) -> Fields:
    """Fields of the header; empty if the file has no text header."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    end = re.search(rb"\n\r?\n|ElementDataFile[^\n]*\n", head)
    text = head[: end.end() if end else len(head)].decode("utf-8", errors="replace")
    pairs = (re.split(r":=?|=", line, maxsplit=1) for line in text.splitlines() if not line.startswith("#"))
    return {pair[0].replace(" ", "").lower(): pair[1].strip() for pair in pairs if len(pair) == 2}


_HEAD_BYTES = 1 << 16
_NUMBER = r"[-+]?(?:nan|inf|\d+\.?\d*(?:[eE][-+]?\d+)?|\.\d+(?:[eE][-+]?\d+)?)"


_SPACES = {
    name
    for long, short in (
        ("right-anterior-superior", "ras"),
        ("left-anterior-superior", "las"),
        ("left-posterior-superior", "lps"),
    )
    for name in (long, short)
}
"""Others have no place for left and right, or a time axis."""


def _check_meta(raw: Path, fields: Fields, path: str) -> None:
    name = fields.get("elementdatafile")
    if name is None:
        raise RefusedError(finding("LM-D060", path, "no ElementDataFile in the header", "one"))
    local = name.upper() == "LOCAL"
    values = raw / path if local else (raw / path).parent / name
    if not local and (Path(name).name != name or values.is_symlink()):
        raise RefusedError(finding("LM-D067", path, "a reference out of its folder", "a file beside it"))
    if not values.is_file():
        raise RefusedError(finding("LM-D060", path, "no file of values beside the header", "both files"))
    if fields.get("compresseddata", "false").lower() != "true":
        _refuse_short(values.stat().st_size, fields, path)


def _refuse_short(there: int, fields: Fields, path: str) -> None:
    """Whether the values of an uncompressed file can be all there; `there` may count the header in."""
    sizes = [int(word) for word in fields.get("dimsize", "").split() if word.isdecimal()]
    channels = fields.get("elementnumberofchannels", "1")
    width = _META_BYTES.get(fields.get("elementtype", ""), 1)
    wanted = math.prod(sizes) * width * (int(channels) if channels.isdecimal() else 1)
    if there < wanted:
        raise RefusedError(finding("LM-D060", path, f"{there} bytes", f"at least {wanted}"))


_META_BYTES = {"MET_SHORT": 2, "MET_USHORT": 2, "MET_INT": 4, "MET_UINT": 4, "MET_FLOAT": 4, "MET_DOUBLE": 8}
