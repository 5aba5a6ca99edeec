"""What the HU of one ready-made crop look like: the figures by which a wrong rescale is told."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DENSE_HU = 500
"""Bone, calcium and metal, but no soft tissue."""
_MIDDLE_MM = 5.0
_LEAST_REACH_PX = 2.0


@dataclass(frozen=True)
class CropStatistics:
    """Summary of one crop, (y, x) in HU; padding counts as the air that it was replaced by."""

    hu_p01: float
    hu_p05: float
    dense_fraction: float
    middle_hu: float


def crop_statistics(image_hu: NDArray[np.int16], diameter_px: float) -> CropStatistics:
    """The summary.

    Args:
        image_hu: (y, x), the nodule in the middle.
        diameter_px: of the nodule; NaN if pixels have no known size.
    """
    p01, p05 = np.percentile(image_hu, (1, 5))
    return CropStatistics(
        hu_p01=float(p01),
        hu_p05=float(p05),
        dense_fraction=float((image_hu >= DENSE_HU).mean()),
        middle_hu=float(np.median(image_hu[_middle(image_hu.shape, diameter_px)])),
    )


def middle_px(diameter_mm: float, spacing_mm: float) -> float:
    """Width in pixels of what is taken for the nodule: its diameter, or 5 mm where that is unknown."""
    return (_MIDDLE_MM if math.isnan(diameter_mm) else diameter_mm) / spacing_mm


def _middle(shape: tuple[int, ...], diameter_px: float) -> NDArray[np.bool_]:
    reach_px = np.fmax(diameter_px / 2, _LEAST_REACH_PX)
    y, x = (np.arange(size) - (size - 1) / 2 for size in shape)
    inside: NDArray[np.bool_] = np.hypot(y[:, None], x[None, :]) <= reach_px
    return inside
