"""From HU to what a network gets. Training, test-time views, maps and serving call the same function.

Works on NumPy arrays and on torch tensors alike, and does not import torch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lungml.errors import InputError, ModelError
from lungml.params.data import IntensityParams

_CHUNK = 64
_LEVELS = 1 << 16
_SMALLEST_DEVIATION = 1e-6


@dataclass(frozen=True)
class Normalisation:
    """How HU become a network's input, with what was fitted on train.

    `mean` and `std` are of train's pixels after the window's [0, 1] scaling; `z-score` does not use them.
    """

    scaling: Literal["window", "z-score"]
    window_hu: tuple[float, float]
    mean: float
    std: float

    def to_dict(self) -> dict[str, Any]:
        """Values JSON can hold; `from_dict` reads them back."""
        return asdict(self) | {"window_hu": list(self.window_hu)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Normalisation:
        """The inverse of `to_dict`.

        Raises:
            ModelError: a value is missing or one too many.
        """
        expected = {"scaling", "window_hu", "mean", "std"}
        if set(values) != expected:
            raise ModelError(
                f"normalisation has the values {sorted(values)}, expected {sorted(expected)}; "
                "the bundle is from another version of lungml, train it again"
            )
        low_hu, high_hu = values["window_hu"]
        return cls(values["scaling"], (float(low_hu), float(high_hu)), values["mean"], values["std"])


def fit_normalisation(train_images_hu: NDArray[np.int16], params: IntensityParams) -> Normalisation:
    """Mean and standard deviation of train's pixels in the window.

    The sums run over whole numbers (a histogram), so the order and grouping of images change nothing.

    Args:
        train_images_hu: (N, C, H, W); a memory map is read in chunks.
        params: scaling and window.

    Raises:
        InputError: there is no image, or all pixels have one value in the window.
    """
    low_hu, high_hu = params.window_hu
    if params.scaling == "z-score":
        return Normalisation("z-score", (low_hu, high_hu), mean=0.0, std=1.0)
    counts = _histogram(train_images_hu)
    hu = np.arange(_LEVELS) + np.iinfo(np.int16).min
    unit = (np.clip(hu, low_hu, high_hu) - low_hu) / (high_hu - low_hu)
    pixels = max(int(counts.sum()), 1)
    mean = float((counts * unit).sum() / pixels)
    std = float(np.sqrt((counts * (unit - mean) ** 2).sum() / pixels))
    if std < _SMALLEST_DEVIATION:
        raise InputError(
            f"the {len(train_images_hu)} train images hold no two different values between {low_hu:g} and "
            f"{high_hu:g} HU, so nothing can be learned; check intensity.window_hu and the views"
        )
    return Normalisation("window", (low_hu, high_hu), mean, std)


def normalise(images_hu: Any, normalisation: Normalisation) -> Any:
    """HU -> network input.

    `window`: clip to the window, map it to [0, 1], subtract `mean`, divide by `std`: absolute HU are kept,
    +100 HU inside the window is always the same step. `z-score`: clip, then each image by its own mean and
    deviation (the seed study's): adding a constant changes nothing; a constant image becomes 0.

    Args:
        images_hu: (N, C, H, W), NumPy array or torch tensor of any number type.
        normalisation: from `fit_normalisation`.

    Returns:
        float32 of the same shape, kind and device.
    """
    low_hu, high_hu = normalisation.window_hu
    clipped = _float32(images_hu).clip(low_hu, high_hu)
    if normalisation.scaling == "window":
        width_hu = high_hu - low_hu
        offset_hu = low_hu + normalisation.mean * width_hu
        return (clipped - offset_hu) * (1.0 / (width_hu * normalisation.std))
    unit = (clipped - low_hu) / (high_hu - low_hu)
    centred = unit - unit.mean(axis=(-3, -2, -1), keepdims=True)
    variance = (centred**2).mean(axis=(-3, -2, -1), keepdims=True)
    return centred / (variance + _SMALLEST_DEVIATION**2) ** 0.5


def window_to_unit(images_hu: NDArray[Any], window_hu: tuple[float, float]) -> NDArray[np.float32]:
    """HU -> grey in [0, 1] for pictures: 0 at and below the window's low end, 1 at and above its high end."""
    low_hu, high_hu = window_hu
    unit: NDArray[np.float32] = (np.clip(images_hu, low_hu, high_hu) - low_hu) / np.float32(high_hu - low_hu)
    return unit.astype(np.float32)


def _float32(images: Any) -> Any:
    return images.astype(np.float32) if isinstance(images, np.ndarray) else images.float()


def _histogram(images_hu: NDArray[np.int16]) -> NDArray[np.int64]:
    """How often each of the 65,536 HU values occurs."""
    counts = np.zeros(_LEVELS, np.int64)
    for start in range(0, len(images_hu), _CHUNK):
        chunk = np.asarray(images_hu[start : start + _CHUNK]).ravel().astype(np.int64)
        counts += np.bincount(chunk - np.iinfo(np.int16).min, minlength=_LEVELS)
    return counts
