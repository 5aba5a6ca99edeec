"""Test images made such that no chest CT pipeline should answer for them, or such that it may."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from lungml.terms import AIR_HU

Images = NDArray[np.int16]
Spoil = Callable[[Images, np.random.Generator], Images]

_LOW_HU, _HIGH_HU = -1000, 400
_INTERCEPT_HU = 1024
_AERATED_HU = -300
"""Below it there is more air than tissue."""
_TISSUE_HU, _TISSUE_NOISE_HU = 40, 15
_SHARPNESS, _SHARP_NOISE_HU = 1.5, 40


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


def _without_air(images_hu: Images, rng: np.random.Generator) -> Images:
    """No lung: all that holds air is soft tissue, as in a liver."""
    tissue_hu = rng.normal(_TISSUE_HU, _TISSUE_NOISE_HU, images_hu.shape)
    return np.where(images_hu < _AERATED_HU, tissue_hu, images_hu).astype(np.int16)


def _sharpened(images_hu: Images, rng: np.random.Generator) -> Images:
    """Edges lifted as by a lung or bone kernel, with its fine-grained noise (40 HU)."""
    exact_hu = images_hu.astype(np.float64)
    noise_hu = rng.normal(0, 1, images_hu.shape)
    fine = noise_hu - _blurred(noise_hu, 1.0)
    sharp_hu = exact_hu + _SHARPNESS * (exact_hu - _blurred(exact_hu, 1.0))
    return _as_hu(sharp_hu + _SHARP_NOISE_HU * fine / fine.std())


def _smoothed(images_hu: Images, _: np.random.Generator) -> Images:
    """Edges and noise taken away as by a soft-tissue kernel: a blur of 1.5 pixels."""
    return _as_hu(_blurred(images_hu.astype(np.float64), 1.5))


def _blurred(images: NDArray[np.float64], deviation_px: float) -> NDArray[np.float64]:
    blurred: NDArray[np.float64] = gaussian_filter(images, deviation_px, axes=(-2, -1))
    return blurred


def _as_hu(images: NDArray[np.float64]) -> Images:
    return np.clip(np.rint(images), -_INTERCEPT_HU, 32767).astype(np.int16)


GROSS_CASES: dict[str, Spoil] = {
    "inverted": _inverted,
    "blank": _blank,
    "screen greys": _screen_greys,
    "noise": _noise,
    "shifted by 1024 HU": _shifted,
    "air filled with soft tissue": _without_air,
}
"""Name -> images (N, C, H, W) in HU that are wrong in that way."""

SUBTLE_CASES: dict[str, Spoil] = {
    "sharpened, with noise (as by a sharp kernel)": _sharpened,
    "smoothed (as by a soft kernel)": _smoothed,
}
"""Name -> images that are still CT, and may or may not be like those of train: simulated in the image, not
reconstructed anew."""
