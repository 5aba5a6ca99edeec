"""Images that no chest CT pipeline should answer for, made of those of the test part."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lungml.terms import AIR_HU

Images = NDArray[np.int16]

_LOW_HU, _HIGH_HU = -1000, 400
_INTERCEPT_HU = 1024


def _inverted(images_hu: Images, _: np.random.Generator) -> Images:
    """Dark where it should be bright, within the lung window."""
    return (_LOW_HU + _HIGH_HU - np.clip(images_hu, _LOW_HU, _HIGH_HU)).astype(np.int16)


def _blank(images_hu: Images, _: np.random.Generator) -> Images:
    return np.full_like(images_hu, AIR_HU)


def _screen_greys(images_hu: Images, _: np.random.Generator) -> Images:
    """A screenshot in the lung window, its greys 0 to 255 taken for HU."""
    shares = (np.clip(images_hu, _LOW_HU, _HIGH_HU).astype(np.float64) - _LOW_HU) / (_HIGH_HU - _LOW_HU)
    return np.round(255 * shares).astype(np.int16)


def _noise(images_hu: Images, rng: np.random.Generator) -> Images:
    """No image at all."""
    return rng.integers(_LOW_HU, _HIGH_HU, images_hu.shape, dtype=np.int16)


def _shifted(images_hu: Images, _: np.random.Generator) -> Images:
    """The rescale intercept left out."""
    return np.clip(images_hu.astype(np.int32) + _INTERCEPT_HU, -_INTERCEPT_HU, 32767).astype(np.int16)


GROSS_CASES: dict[str, Callable[[Images, np.random.Generator], Images]] = {
    "inverted": _inverted,
    "blank": _blank,
    "screen greys": _screen_greys,
    "noise": _noise,
    "shifted by 1024 HU": _shifted,
}
"""Name -> images (N, C, H, W) in HU that are wrong in that way."""
