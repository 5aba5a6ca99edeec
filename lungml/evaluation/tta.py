"""Test-time augmentation: the mean prediction over five views of the same image.

The views are the image, its two mirror images and its quarter turns to either side: exact symmetries of the
pixel grid, so no pixel is interpolated and nothing is random. The seed study also averages five views.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lungml.bundle import Bundle, predict

Images = NDArray[np.int16]

VIEWS: dict[str, Callable[[Images], Images]] = {
    "identity": lambda images: images,
    "flip left-right": lambda images: images[..., ::-1],
    "flip up-down": lambda images: images[..., ::-1, :],
    "turn left": lambda images: np.rot90(images, 1, axes=(-2, -1)),
    "turn right": lambda images: np.rot90(images, -1, axes=(-2, -1)),
}
"""Name -> view of images (N, C, H, W), H = W."""


def predict_tta(bundle: Bundle, images_hu: Images) -> NDArray[np.float64]:
    """Mean over `VIEWS` of the probabilities: int16 (N, C, H, W) -> (N, K)."""
    views = [predict(bundle, np.ascontiguousarray(view(images_hu))) for view in VIEWS.values()]
    mean: NDArray[np.float64] = np.mean(views, axis=0)
    return mean
