# mypy: disable-error-code="no-any-return"
"""What images are before any network: the spread of their HU, and how much neighbouring pixels differ."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

_SHARES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
_LIMITS_HU = (-1100, 1000)
"""What lies beyond is padding or metal, whose value says nothing."""
_AT_ONCE = 64


def looks_of(images_hu: NDArray[np.int16]) -> FloatArray:
    """Numbers in HU, so that they vary alike.

    Args:
        images_hu: (N, C, H, W).

    Returns:
        (N, 10 C): of each channel seven quantiles, the standard deviation, and the mean step to the next row
        and to the next column.
    """
    starts = range(0, len(images_hu), _AT_ONCE)
    return np.concatenate([_looks(np.asarray(images_hu[start : start + _AT_ONCE])) for start in starts])


def _looks(images_hu: NDArray[np.int16]) -> FloatArray:
    clipped_hu = np.clip(images_hu, *_LIMITS_HU).astype(np.float64)
    flat_hu = clipped_hu.reshape(*clipped_hu.shape[:2], -1)
    steps_hu = [np.abs(np.diff(clipped_hu, axis=axis)).mean(axis=(2, 3)) for axis in (2, 3)]
    return np.concatenate([*np.quantile(flat_hu, _SHARES, axis=2), flat_hu.std(axis=2), *steps_hu], axis=1)
