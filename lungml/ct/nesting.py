"""How deep sequences lie in one another, from raw bytes: readers of sequences call themselves for each."""

from __future__ import annotations

import re
from typing import BinaryIO

from lungml.quarantine import RefusedError, finding

MAX_DEPTH = 32


def refuse_deep_nesting(stream: BinaryIO, end: int, path: str) -> None:
    """Refuse a file whose first `end` bytes nest items deeper than `MAX_DEPTH` (LM-D032).

    Only the markers where items begin and end are looked at, so that it is quick and right for every VR.
    """
    stream.seek(0)
    data = stream.read(end)
    for item, order in ((b"\xfe\xff\x00\xe0", "<"), (b"\xff\xfe\xe0\x00", ">")):
        if data.count(item) > MAX_DEPTH and depth_of_items(data, order) > MAX_DEPTH:
            raise RefusedError(finding("LM-D032", path, f"more than {MAX_DEPTH}", f"at most {MAX_DEPTH}"))


def depth_of_items(data: bytes, order: str) -> int:
    """Most items that are open at once; `order` is "<" or ">"."""
    open_ends: list[float] = []
    deepest = 0
    for marker in _MARKERS[order].finditer(data):
        at = marker.start()
        while open_ends and open_ends[-1] <= at:
            open_ends.pop()
        if marker[0] in _ITEM_ENDS:
            _close_undefined(open_ends)
            continue
        length = int.from_bytes(data[at + 4 : at + 8], "little" if order == "<" else "big")
        open_ends.append(float("inf") if length == _UNDEFINED else at + 8 + length)
        deepest = max(deepest, len(open_ends))
    return deepest


def _close_undefined(open_ends: list[float]) -> None:
    if open_ends and open_ends[-1] == float("inf"):
        open_ends.pop()


_UNDEFINED = 0xFFFFFFFF
_ITEM_ENDS = (b"\xfe\xff\x0d\xe0", b"\xff\xfe\xe0\x0d")
_MARKERS = {
    "<": re.compile(rb"\xfe\xff[\x00\x0d]\xe0", re.DOTALL),
    ">": re.compile(rb"\xff\xfe\xe0[\x00\x0d]", re.DOTALL),
}
