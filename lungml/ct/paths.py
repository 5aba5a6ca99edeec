"""The address of an image: a file, or one frame of a file of many, as in `scan.dcm#12` (frames count from 0).

A file whose own name ends like that has a bare `#` behind it in its address, so that an address means one
thing.
"""

from __future__ import annotations

import re


def join_frame(file: str, frame: int | None) -> str:
    """The address of a frame of `file`, or of the whole file if `frame` is None."""
    if frame is not None:
        return f"{file}#{frame}"
    return f"{file}#" if _ADDRESS.fullmatch(file) else file


def split_frame(address: str) -> tuple[str, int | None]:
    """The file and the frame of an address; None means the whole file."""
    match = _ADDRESS.fullmatch(address)
    if match is None:
        return address, None
    return match["file"], int(match["frame"]) if match["frame"] else None


_ADDRESS = re.compile(r"(?P<file>.+)#(?P<frame>[0-9]*)", re.DOTALL)
