"""From a plane of a CT to a view of fixed size: where its pixels lie, and how they are resampled.

Voxel i is centred at coordinate i. Resampling is separable and linear; where it shrinks, the triangle
kernel widens with the step (antialias, as in Pillow and torch), elsewhere it is plain bilinear.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from lungml.terms import AIR_HU

_HALF = 0.5


@dataclass(frozen=True)
class Frame:
    """Where the `size_px` x `size_px` pixels of a view lie in a plane.

    `centre_px` is the (y, x) of the view's middle and `step_px` the (y, x) distance of neighbouring view
    pixels, both in plane pixels.
    """

    centre_px: tuple[float, float]
    step_px: tuple[float, float]
    size_px: int

    def positions_px(self, axis: int) -> NDArray[np.float64]:
        """(size_px,): plane coordinates of the view's pixel centres along an axis (0 is y, 1 is x)."""
        offsets = np.arange(self.size_px, dtype=np.float64) + _HALF - self.size_px / 2
        return offsets * self.step_px[axis] + self.centre_px[axis]


def field_of_view(
    centre_px: tuple[float, float],
    spacing_mm: tuple[float, float],
    field_of_view_mm: float,
    size_px: int,
) -> Frame:
    """A frame of fixed physical width: view pixels are square in mm whatever the plane's (y, x) spacing."""
    pixel_mm = field_of_view_mm / size_px
    return Frame(centre_px, (pixel_mm / spacing_mm[0], pixel_mm / spacing_mm[1]), size_px)


def whole_square(side_px: int, size_px: int) -> Frame:
    """A frame that covers a square image exactly."""
    middle = (side_px - 1) / 2
    return Frame((middle, middle), (side_px / size_px, side_px / size_px), size_px)


def resample_hu(plane_hu: NDArray[np.int16], frame: Frame) -> NDArray[np.int16]:
    """The view of a plane; what lies outside the plane is air.

    Args:
        plane_hu: (y, x).
        frame: where the view lies.

    Returns:
        (size_px, size_px), rounded to whole HU.
    """
    return _rounded(_resample(plane_hu, frame, _triangle, zero=AIR_HU))


def resample_mask(mask: NDArray[np.bool_], frame: Frame) -> NDArray[np.bool_]:
    """View pixels of which at least half the area is in the mask.

    A mask too small for that keeps the one pixel it covers most, so no nodule vanishes; a mask outside the
    view gives none.

    Args:
        mask: (y, x).
        frame: where the view lies.
    """
    if not mask.any():
        return np.zeros((frame.size_px, frame.size_px), dtype=np.bool_)
    rows, columns = bounding_box(mask)
    offset = Frame(
        (frame.centre_px[0] - rows.start, frame.centre_px[1] - columns.start), frame.step_px, frame.size_px
    )
    covered = _resample(mask[rows, columns], offset, _area)
    inside: NDArray[np.bool_] = covered >= _HALF
    if covered.any() and not inside.any():
        inside.flat[int(covered.argmax())] = True
    return inside


def pad_and_resize_hu(image_hu: NDArray[np.int16], size_px: int) -> NDArray[np.int16]:
    """The seed study's geometry: pad with air to a square, the image in the middle, and resize.

    Size in mm is lost.

    Equal to `torch.nn.functional.interpolate(..., mode="bilinear", antialias=True)` up to rounding.

    Args:
        image_hu: (y, x) of any shape.
        size_px: width of the result.
    """
    square = _pad_to_square(image_hu, AIR_HU)
    return _rounded(_resample(square, whole_square(len(square), size_px), _triangle_inside, zero=AIR_HU))


def pad_and_resize_mask(mask: NDArray[np.bool_], size_px: int) -> NDArray[np.bool_]:
    """A mask under the geometry of `pad_and_resize_hu`."""
    square = _pad_to_square(mask, 0)
    return resample_mask(square, whole_square(len(square), size_px))


def bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Rows and columns of the smallest box around a mask.

    Raises:
        ValueError: the mask is empty.
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        raise ValueError("an empty mask has no bounding box")
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


_Number = TypeVar("_Number", bound=np.generic)
Floats = NDArray[np.float64]
_Kernel = Callable[[Floats, float, NDArray[np.bool_]], Floats]
"""(distances in pixels, step in pixels, which taps are in the image) -> weights, a row per view pixel."""


def _triangle(distance_px: Floats, step_px: float, inside: NDArray[np.bool_]) -> Floats:
    """Weights of the triangle as wide as the step, but at least 2 pixels; what is outside counts as 0."""
    weights = np.maximum(1 - np.abs(distance_px) / max(step_px, 1.0), 0)
    return np.where(inside, weights / weights.sum(axis=1, keepdims=True), 0)


def _triangle_inside(distance_px: Floats, step_px: float, inside: NDArray[np.bool_]) -> Floats:
    """The same triangle, of pixels in the image alone."""
    weights = np.where(inside, np.maximum(1 - np.abs(distance_px) / max(step_px, 1.0), 0), 0)
    shares: Floats = weights / weights.sum(axis=1, keepdims=True)
    return shares


def _area(distance_px: Floats, step_px: float, inside: NDArray[np.bool_]) -> Floats:
    """Share of the view pixel's width that lies in each plane pixel."""
    high = np.minimum(step_px / 2, distance_px + _HALF)
    low = np.maximum(-step_px / 2, distance_px - _HALF)
    return np.where(inside, np.maximum(high - low, 0) / step_px, 0)


def _resample(image: NDArray[Any], frame: Frame, kernel: _Kernel, zero: int = 0) -> NDArray[np.float32]:
    """(size_px, size_px), above `zero`, which is what lies outside.

    Sparse products: their order of summation depends on no thread count.
    """
    rows, along_y = _weights(frame, 0, image.shape[0], kernel)
    columns, along_x = _weights(frame, 1, image.shape[1], kernel)
    part = image[rows, columns].astype(np.float32)
    part -= zero
    resampled: NDArray[np.float32] = (along_x @ (along_y @ part).T).T
    return resampled


@lru_cache(maxsize=64)
def _weights(frame: Frame, axis: int, length: int, kernel: _Kernel) -> tuple[slice, csr_array]:
    """The pixels a view needs along an axis, and the (size_px, needed) weights to apply to them."""
    positions, step_px = frame.positions_px(axis), frame.step_px[axis]
    reach_px = max(step_px, 1.0)
    taps = int(2 * reach_px) + 2
    indices = np.ceil(positions - reach_px).astype(np.int64)[:, None] + np.arange(taps)
    inside = (indices >= 0) & (indices < length)
    weights = kernel(indices - positions[:, None], step_px, inside)
    clipped = indices.clip(0, length - 1)
    first, last = int(clipped.min()), int(clipped.max())
    starts = np.arange(0, clipped.size + 1, taps)
    matrix = csr_array(
        (weights.astype(np.float32).ravel(), clipped.ravel() - first, starts),
        shape=(frame.size_px, last - first + 1),
    )
    return slice(first, last + 1), matrix


def _rounded(above_air: NDArray[np.float32]) -> NDArray[np.int16]:
    above_air += AIR_HU
    return np.rint(above_air, out=above_air).astype(np.int16)


def _pad_to_square(image: NDArray[_Number], value: int) -> NDArray[_Number]:
    """The image in the middle (an odd pixel more goes to the bottom or right), `value` around it."""
    side = max(image.shape)
    if image.shape == (side, side):
        return image
    before = [(side - length) // 2 for length in image.shape]
    around = [(b, side - length - b) for b, length in zip(before, image.shape, strict=True)]
    return np.pad(image, around, constant_values=value)
