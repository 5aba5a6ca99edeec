"""Small pictures of many views in one PNG, so that a page of thousands of nodules stays small."""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lungml.imaging.intensity import window_to_unit

LUNG_WINDOW_HU = (-1350.0, 150.0)
"""Level -600, width 1500."""

_SHEET_PX, _LEAST_PX, _MOST_PX = 1900, 16, 64
_EFFORT = 5
"""Of compression: 1 % more bytes than at most effort, in a seventh of the time."""
_GREYS = 64
"""So many shades: noise is kept from filling the file, and an eye sees no steps in a picture this small."""


@dataclass(frozen=True)
class Sprites:
    """Square pictures of `size_px`, row by row, `columns` in a row, in one PNG."""

    png: bytes
    size_px: int
    columns: int
    rows: int

    @property
    def data_uri(self) -> str:
        """The PNG as an address that needs no file."""
        return f"data:image/png;base64,{base64.b64encode(self.png).decode('ascii')}"


def thumbnail_px(nodules: int) -> int:
    """Size of a thumbnail: smaller for many nodules, so that the page stays below 5 MB."""
    return int(np.clip(_SHEET_PX / math.sqrt(max(nodules, 1)), _LEAST_PX, _MOST_PX))


def draw_sprites(images_hu: NDArray[np.int16], *, size_px: int) -> Sprites:
    """Draw images (N, H, W) in HU in a lung window; equal images give equal bytes."""
    columns = max(1, math.ceil(math.sqrt(len(images_hu))))
    rows = max(1, math.ceil(len(images_hu) / columns))
    sheet = np.zeros((rows * size_px, columns * size_px), np.uint8)
    for number, image_hu in enumerate(images_hu):
        top, left = (place * size_px for place in divmod(number, columns))
        sheet[top : top + size_px, left : left + size_px] = _small(image_hu, size_px)
    stream = io.BytesIO()
    Image.fromarray(sheet).save(stream, format="PNG", compress_level=_EFFORT)
    return Sprites(stream.getvalue(), size_px, columns, rows)


def _small(image_hu: NDArray[np.int16], size_px: int) -> NDArray[np.uint8]:
    grey = np.rint(window_to_unit(image_hu, LUNG_WINDOW_HU) * 255).astype(np.uint8)
    shrinks = min(grey.shape) >= size_px
    how = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    resized = Image.fromarray(grey).resize((size_px, size_px), how)
    shades = np.asarray(resized, dtype=np.uint16) * _GREYS // 256
    return np.asarray(shades * 255 // (_GREYS - 1), dtype=np.uint8)
