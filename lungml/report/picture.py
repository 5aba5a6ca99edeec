"""A figure that travels inside the page."""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass
from pathlib import Path

from lungml.errors import InputError

_PNG = b"\x89PNG\r\n\x1a\n"
_PIXELS_PER_PX = 1.5
"""Figures have 144 dots per inch, a screen's px is 1/96 inch."""


@dataclass(frozen=True)
class Picture:
    """A figure that travels inside the page."""

    data_uri: str
    name: str
    caption: str
    width_px: int
    height_px: int
    """On screen, so that the letters of all figures are of one size."""


def read_picture(path: Path, caption: str) -> Picture:
    """Read a PNG file.

    Raises:
        InputError: it is none.
    """
    content = path.read_bytes()
    if content[:8] != _PNG or len(content) < 24:
        raise InputError(f"{path} is not a PNG file; delete it and run `dvc repro`")
    width, height = struct.unpack(">II", content[16:24])
    return Picture(
        data_uri=f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}",
        name=path.stem.replace("_", " "),
        caption=caption,
        width_px=round(width / _PIXELS_PER_PX),
        height_px=round(height / _PIXELS_PER_PX),
    )
