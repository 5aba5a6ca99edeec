"""What images are compared by: a checksum of their pixels, and a small picture of what they show.

Comparing the small pictures as they are would take two smooth nodules for one; so edges and texture are
compared, with the contrast of each neighbourhood made equal (`structure`).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

FloatArray = NDArray[np.float32]

GRID_PX = 64
"""Width and height of the small pictures."""
WINDOW_HU = (-1000.0, 400.0)
FLAT = 0.02
"""Contrast, as a share of the window (28 HU), below which a neighbourhood counts as flat."""


@dataclass(frozen=True)
class Fingerprints:
    """Of N images.

    `digests` (N,) are equal for equal pixels; `pictures` (N, GRID_PX, GRID_PX) are 0 (air) to 1 (bone).
    """

    digests: NDArray[np.str_]
    pictures: FloatArray

    def __len__(self) -> int:
        return len(self.digests)


def fingerprints(images_hu: Iterable[NDArray[np.generic]]) -> Fingerprints:
    """Take the fingerprint of each image; they are read one by one.

    Args:
        images_hu: (H, W) each, of any and differing size. Height and width are scaled apart, so an image and
            its resized copy have the same picture.
    """
    digests, pictures = [], [np.empty((0, GRID_PX, GRID_PX), np.float32)]
    for image_hu in images_hu:
        digests.append(digest(image_hu))
        pictures.append(small_picture(image_hu, GRID_PX, WINDOW_HU)[None])
    return Fingerprints(np.array(digests, dtype=np.str_), np.concatenate(pictures))


def digest(image_hu: NDArray[np.generic]) -> str:
    """Checksum of an image: equal for equal values, type and shape."""
    pixels = np.ascontiguousarray(image_hu)
    return hashlib.sha256(f"{pixels.shape} {pixels.dtype}".encode() + pixels.tobytes()).hexdigest()


def small_picture(image_hu: NDArray[np.generic], size_px: int, window_hu: tuple[float, float]) -> FloatArray:
    """(size_px, size_px), 0 to 1 between the ends of the window, with antialias."""
    low, high = window_hu
    share = np.clip((image_hu.astype(np.float32) - np.float32(low)) / np.float32(high - low), 0, 1)
    rows, columns = (_scaling(length, size_px) for length in image_hu.shape)
    return np.asarray(rows @ share @ columns.T, np.float32)


def structure(pictures: FloatArray, fine_px: float, coarse_px: float, *, flat: float = FLAT) -> FloatArray:
    """Detail between two sizes, divided by its strength nearby.

    Args:
        pictures: (N, H, W).
        fine_px: standard deviation of the smaller Gaussian.
        coarse_px: of the larger one, and of the neighbourhood.
        flat: detail weaker than this is not brought up to full contrast, so noise stays small.
    """
    detail = _blurred(pictures, fine_px) - _blurred(pictures, coarse_px)
    nearby = np.sqrt(_blurred(detail**2, coarse_px))
    return np.asarray(detail / (flat + nearby), np.float32)


def unit_rows(values: FloatArray) -> FloatArray:
    """Make the product of two rows their correlation: (N, ...) -> (N, D).

    Each row is taken less its mean, and of length 1 (0 if it is constant).
    """
    rows = values.reshape(len(values), math.prod(values.shape[1:]))
    rows = rows - rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-6), np.float32)


def _blurred(pictures: FloatArray, sigma_px: float) -> FloatArray:
    blurred: FloatArray = gaussian_filter(pictures, (0, sigma_px, sigma_px), truncate=3)
    return blurred


@cache
def _scaling(length: int, size_px: int) -> FloatArray:
    """(size_px, length): weights of the triangle kernel, as wide as the step where it shrinks."""
    step = length / size_px
    centres = (np.arange(size_px) + 0.5) * step - 0.5
    distance = np.abs(centres[:, None] - np.arange(length))
    weights = np.maximum(0, 1 - distance / max(step, 1))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)
