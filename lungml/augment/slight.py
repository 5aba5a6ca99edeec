"""Changes of an image that no reader would notice, to see whether an embedding does."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from lungml.augment.geometric import draw_geometry, warp
from lungml.params.model import AugmentParams

_SLIGHT = AugmentParams(rotation_degrees=3.0, flip_probability=0.0, zoom=0.02, shift_fraction=0.01)
_NOISE_HU = 10.0
_NOISE_STREAM = 6


def slightly_changed(images_hu: NDArray[np.int16], *, seed: int) -> NDArray[np.int16]:
    """Turn by up to 3 degrees, zoom by up to 2 %, shift by up to 1 %, and add noise of 10 HU.

    Args:
        images_hu: (N, C, H, W).
        seed: the same seed, the same changes.
    """
    rows = np.arange(len(images_hu))
    geometry = draw_geometry(_SLIGHT, rows, np.zeros_like(rows), seed=seed, epoch=0)
    moved = warp(torch.from_numpy(np.array(images_hu)), geometry).numpy()
    noise = np.random.default_rng((seed, _NOISE_STREAM)).normal(0.0, _NOISE_HU, moved.shape)
    limits = np.iinfo(np.int16)
    return np.clip(np.rint(moved + noise), limits.min, limits.max).astype(np.int16)
