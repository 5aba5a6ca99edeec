"""From a view in HU to what a network gets: one function for training, test-time views, maps and serving.

Works on NumPy arrays and on torch tensors alike, and does not import torch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lungml.errors import InputError, ModelError
from lungml.imaging.centre import centre_pixels, enlarge_centre
from lungml.params.data import IntensityParams

_CHUNK = 64
_LEVELS = 1 << 16
_SMALLEST_DEVIATION = 1e-6


Window = tuple[float, float]


@dataclass(frozen=True)
class Normalisation:
    """How HU become a network's input, with what was fitted on train.

    Attributes:
        windows_hu: one for each channel that an image channel becomes.
        means, stds: of train's pixels after the [0, 1] scaling of each window; `z-score` does not use them.
        centre_share: how much of the view's width is seen, around its middle.
    """

    scaling: Literal["window", "three-windows", "z-score"]
    windows_hu: tuple[Window, ...]
    means: tuple[float, ...]
    stds: tuple[float, ...]
    centre_share: float = 1.0

    @property
    def window_hu(self) -> Window:
        """From the lowest to the highest HU that any window tells apart; pictures are drawn in it."""
        return min(low for low, _ in self.windows_hu), max(high for _, high in self.windows_hu)

    def channels(self, image_channels: int) -> int:
        """Channels of the network's input for images of `image_channels`."""
        return image_channels * len(self.windows_hu)

    def to_dict(self) -> dict[str, Any]:
        """Values JSON can hold; `from_dict` reads them back."""
        windows = [list(window) for window in self.windows_hu]
        return asdict(self) | {"windows_hu": windows, "means": list(self.means), "stds": list(self.stds)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Normalisation:
        """The inverse of `to_dict`.

        Raises:
            ModelError: a value is missing or one too many.
        """
        expected = {field.name for field in fields(cls)}
        if set(values) != expected:
            raise ModelError(
                f"normalisation has the values {sorted(values)}, expected {sorted(expected)}; "
                "the bundle is from another version of lungml, train it again"
            )
        windows = tuple((float(low_hu), float(high_hu)) for low_hu, high_hu in values["windows_hu"])
        means, stds = tuple(values["means"]), tuple(values["stds"])
        return cls(values["scaling"], windows, means, stds, values["centre_share"])


def fit_normalisation(train_images_hu: NDArray[np.int16], params: IntensityParams) -> Normalisation:
    """Mean and standard deviation, in each window, of train's pixels that are seen.

    The sums run over whole numbers (a histogram), so the order and grouping of images change nothing.

    Args:
        train_images_hu: (N, C, H, W); a memory map is read in chunks.
        params: scaling and windows.

    Raises:
        InputError: there is no image, or all pixels have one value in a window.
    """
    if params.scaling == "z-score":
        return Normalisation("z-score", (params.window_hu,), (0.0,), (1.0,), params.centre_share)
    windows_hu: tuple[Window, ...] = (params.window_hu,)
    if params.scaling == "three-windows":
        windows_hu = (params.lung_window_hu, params.window_hu, params.mediastinal_window_hu)
    counts = _histogram(train_images_hu, centre_pixels(train_images_hu.shape[-1], params.centre_share))
    fitted = [_mean_and_deviation(counts, window, len(train_images_hu)) for window in windows_hu]
    means, stds = zip(*fitted, strict=True)
    return Normalisation(params.scaling, windows_hu, means, stds, params.centre_share)


def _mean_and_deviation(counts: NDArray[np.int64], window_hu: Window, images: int) -> tuple[float, float]:
    low_hu, high_hu = window_hu
    hu = np.arange(_LEVELS) + np.iinfo(np.int16).min
    unit = (np.clip(hu, low_hu, high_hu) - low_hu) / (high_hu - low_hu)
    pixels = max(int(counts.sum()), 1)
    mean = float((counts * unit).sum() / pixels)
    std = float(np.sqrt((counts * (unit - mean) ** 2).sum() / pixels))
    if std < _SMALLEST_DEVIATION:
        raise InputError(
            f"the {images} train images hold no two different values between {low_hu:g} and "
            f"{high_hu:g} HU, so nothing can be learned; check intensity.window_hu and the views"
        )
    return mean, std


def normalise(images_hu: Any, normalisation: Normalisation) -> Any:
    """HU -> network input.

    The middle of the view is enlarged where `centre_share` is below 1. Then

    `window`: clip to the window, map it to [0, 1], subtract its mean, divide by its deviation: absolute HU
    are kept, +100 HU inside the window is always the same step. `three-windows`: the same for each window,
    all channels of the first one first. `z-score`: clip, then each image by its own mean and deviation (the
    seed study's): adding a constant changes nothing; a constant image becomes 0.

    Args:
        images_hu: (N, C, H, W), NumPy array or torch tensor of any number type.
        normalisation: from `fit_normalisation`.

    Returns:
        (N, `normalisation.channels(C)`, H, W), float32, of the same kind and device.
    """
    images = enlarge_centre(_float32(images_hu), normalisation.centre_share)
    if normalisation.scaling == "z-score":
        return _standardised(images, normalisation.window_hu)
    fitted = zip(normalisation.windows_hu, normalisation.means, normalisation.stds, strict=True)
    return _side_by_side([_in_window(images, *each) for each in fitted])


def _in_window(images: Any, window_hu: Window, mean: float, std: float) -> Any:
    low_hu, high_hu = window_hu
    width_hu = high_hu - low_hu
    offset_hu = low_hu + mean * width_hu
    return (images.clip(low_hu, high_hu) - offset_hu) * (1.0 / (width_hu * std))


def _standardised(images: Any, window_hu: Window) -> Any:
    low_hu, high_hu = window_hu
    unit = (images.clip(low_hu, high_hu) - low_hu) / (high_hu - low_hu)
    centred = unit - unit.mean(axis=(-3, -2, -1), keepdims=True)
    variance = (centred**2).mean(axis=(-3, -2, -1), keepdims=True)
    return centred / (variance + _SMALLEST_DEVIATION**2) ** 0.5


def _side_by_side(parts: list[Any]) -> Any:
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts, axis=-3)
    import torch

    return torch.cat(parts, dim=-3)


def window_to_unit(images_hu: NDArray[Any], window_hu: Window) -> NDArray[np.float32]:
    """HU -> grey in [0, 1] for pictures: 0 at and below the window's low end, 1 at and above its high end."""
    low_hu, high_hu = window_hu
    unit: NDArray[np.float32] = (np.clip(images_hu, low_hu, high_hu) - low_hu) / np.float32(high_hu - low_hu)
    return unit.astype(np.float32)


def _float32(images: Any) -> Any:
    return images.astype(np.float32) if isinstance(images, np.ndarray) else images.float()


def _histogram(images_hu: NDArray[np.int16], seen: slice) -> NDArray[np.int64]:
    """How often each of the 65,536 HU values occurs in the pixels that are `seen` along both axes."""
    counts = np.zeros(_LEVELS, np.int64)
    for start in range(0, len(images_hu), _CHUNK):
        chunk = np.asarray(images_hu[start : start + _CHUNK, ..., seen, seen]).ravel().astype(np.int64)
        counts += np.bincount(chunk - np.iinfo(np.int16).min, minlength=_LEVELS)
    return counts
