"""The middle of a view, enlarged to all of it: a narrower field of view from the same stored pixels.

Works on NumPy arrays and on torch tensors alike, and does not import torch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def centre_pixels(size_px: int, share: float) -> slice:
    """Whole pixels along an axis that make up its middle `share`, to the nearest."""
    outside = round(size_px * (1 - share) / 2)
    return slice(outside, size_px - outside)


def enlarge_centre(images: Any, share: float) -> Any:
    """The middle `share` of the width and height, bilinear.

    Args:
        images: (N, C, H, W), float32, NumPy array or torch tensor.
        share: above 0, at most 1; with 1 the images come back as they are.

    Returns:
        (N, C, H, W), of the same kind and device.
    """
    if share == 1:
        return images
    for axis in (-2, -1):
        images = _enlarged_along(images, share, axis)
    return images


def _enlarged_along(images: Any, share: float, axis: int) -> Any:
    """By elements, so that neither the batch size nor autocast changes a result."""
    size_px = images.shape[axis]
    middle = (size_px - 1) / 2
    at = middle + share * (np.arange(size_px) - middle)
    below = np.floor(at).astype(np.int64)
    above = np.minimum(below + 1, size_px - 1)
    weights = (at - below).astype(np.float32)
    first, second = _take(images, below, axis), _take(images, above, axis)
    return first + (second - first) * _like(weights if axis == -1 else weights[:, None], images)


def _take(images: Any, places: NDArray[np.int64], axis: int) -> Any:
    return images[..., places] if axis == -1 else images[..., places, :]


def _like(weights: NDArray[np.float32], images: Any) -> Any:
    return weights if isinstance(images, np.ndarray) else images.new_tensor(weights)
