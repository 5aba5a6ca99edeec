"""Plain numbers about a view in HU: what a person would notice first, and what each number means.

A display window burnt in, shifted or inverted HU, an empty view, text in it or another organ change several
of them at once, whatever a backbone makes of the picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatArray = NDArray[np.float64]
Pixels = NDArray[np.float32]

_CHUNK = 64
_AIR_HU, _LUNG_HU, _TISSUE_HU, _BONE_HU = -950.0, -500.0, (-150.0, 200.0), 300.0
_DENSE_HU = -300.0
_STROKE_PX, _STROKE_HU = 3, 600.0
_RIM = 1 / 16
_SPREAD_QUANTILES, _NORMAL_WIDTH = (10.0, 90.0), 2.56
"""Of a normal distribution, this many deviations lie between these quantiles."""


@dataclass(frozen=True)
class Statistic:
    """One number about an image. `least_spread` is in its unit: less variation in train counts as this."""

    words: str
    unit: str
    least_spread: float
    of: Callable[[_Images], Pixels]


@dataclass(frozen=True)
class _Images:
    """Images (n, H, W) in HU, and what several statistics need of them."""

    hu: Pixels

    @cached_property
    def ordered(self) -> Pixels:
        """(n, H * W), ascending."""
        return np.sort(self.hu.reshape(len(self.hu), -1), axis=1)

    @cached_property
    def steps(self) -> Pixels:
        """(n, H - 1, W - 1): length of the difference to the next row and column, HU."""
        down = np.diff(self.hu, axis=1)[:, :, :-1]
        across = np.diff(self.hu, axis=2)[:, :-1]
        return np.hypot(down, across)

    @cached_property
    def opened(self) -> Pixels:
        """Without what is brighter than its surroundings and thinner than three pixels, such as ribs."""
        return np.asarray(ndimage.grey_opening(self.hu, size=(1, _STROKE_PX, _STROKE_PX)))

    @cached_property
    def dense(self) -> NDArray[np.bool_]:
        """Where there is more than lung."""
        return self.hu > _DENSE_HU

    @cached_property
    def strokes(self) -> NDArray[np.bool_]:
        """What is thin and much brighter than around it."""
        return self.hu - self.opened > _STROKE_HU

    def quantile(self, share: float) -> Pixels:
        """The value below which this share of an image's pixels lies."""
        return self.ordered[:, round(share * (self.ordered.shape[1] - 1))]

    def between(self, low_hu: float, high_hu: float) -> Pixels:
        """Percent of an image's pixels from `low_hu` to below `high_hu`."""
        return _percent((self.hu >= low_hu) & (self.hu < high_hu))

    def at(self, position: int) -> Pixels:
        """Percent of an image's pixels that are equal to the one at a position of the order."""
        return _percent(self.ordered == self.ordered[:, [position]])


STATISTICS: dict[str, Statistic] = {
    "mean": Statistic("mean", "HU", 10.0, lambda seen: seen.hu.mean(axis=(1, 2))),
    "spread": Statistic("standard deviation", "HU", 10.0, lambda seen: seen.hu.std(axis=(1, 2))),
    "q01": Statistic("1st percentile", "HU", 10.0, lambda seen: seen.quantile(0.01)),
    "q25": Statistic("25th percentile", "HU", 10.0, lambda seen: seen.quantile(0.25)),
    "q50": Statistic("median", "HU", 10.0, lambda seen: seen.quantile(0.50)),
    "q75": Statistic("75th percentile", "HU", 10.0, lambda seen: seen.quantile(0.75)),
    "q99": Statistic("99th percentile", "HU", 10.0, lambda seen: seen.quantile(0.99)),
    "highest": Statistic("highest value", "HU", 50.0, lambda seen: seen.quantile(1.0)),
    "air": Statistic("air", "%", 1.0, lambda seen: seen.between(-np.inf, _AIR_HU)),
    "lung": Statistic("lung", "%", 1.0, lambda seen: seen.between(_AIR_HU, _LUNG_HU)),
    "tissue": Statistic("soft tissue", "%", 1.0, lambda seen: seen.between(*_TISSUE_HU)),
    "bone": Statistic("bone", "%", 0.5, lambda seen: seen.between(_BONE_HU, np.inf)),
    "lowest-clipped": Statistic("pixels at the image's lowest value", "%", 0.5, lambda seen: seen.at(0)),
    "highest-clipped": Statistic("pixels at the image's highest value", "%", 0.5, lambda seen: seen.at(-1)),
    "values": Statistic("different values, as a power of 2:", "", 0.25, lambda seen: _values(seen.ordered)),
    "steps": Statistic("mean step to the next pixel", "HU", 5.0, lambda seen: seen.steps.mean(axis=(1, 2))),
    "sharpest": Statistic("99.5th percentile of steps", "HU", 50.0, lambda seen: _sharpest(seen.steps)),
    "grain": Statistic("noise", "HU", 2.0, lambda seen: _grain(seen.hu)),
    "constant": Statistic("rows and columns of one value", "%", 1.0, lambda seen: _constant(seen.hu)),
    "strokes": Statistic("thin bright lines", "%", 0.2, lambda seen: _percent(seen.strokes)),
    "rim": Statistic("mean at the image's edge", "HU", 20.0, lambda seen: _rim(seen.hu)),
    "down": Statistic(
        "dense parts below the middle by", "% of the height", 2.0, lambda seen: _down(seen.dense)
    ),
    "across": Statistic(
        "dense parts right of the middle by",
        "% of the width",
        2.0,
        lambda seen: _down(seen.dense.swapaxes(1, 2)),
    ),
    "bone-down": Statistic(
        "bone below the dense parts by",
        "% of the height",
        2.0,
        lambda seen: _down(seen.hu >= _BONE_HU) - _down(seen.dense),
    ),
    "spine-down": Statistic(
        "thick bone below the lung by",
        "% of the height",
        2.0,
        lambda seen: (
            _down(seen.opened >= _BONE_HU) - _down((seen.opened >= _AIR_HU) & (seen.opened < _LUNG_HU))
        ),
    ),
}
"""Name -> what it is; the columns of `image_statistics`, in this order."""


def image_statistics(images_hu: NDArray[np.int16]) -> FloatArray:
    """(N, len(STATISTICS)) numbers about images (N, H, W) in HU; a memory map is read in chunks."""
    parts = []
    for start in range(0, len(images_hu), _CHUNK):
        images = _Images(np.asarray(images_hu[start : start + _CHUNK], dtype=np.float32))
        parts.append(np.stack([statistic.of(images) for statistic in STATISTICS.values()], axis=1))
    return np.concatenate(parts).astype(np.float64)


def deviations(fit: FloatArray, rows: FloatArray) -> FloatArray:
    """How far statistics `rows` (M, S) are from the median of `fit` (N, S), in robust deviations, signed.

    The spread is that of the middle 80 %, so a few odd images among `fit` do not widen it.
    """
    low, high = np.percentile(fit, _SPREAD_QUANTILES, axis=0)
    least = np.array([statistic.least_spread for statistic in STATISTICS.values()])
    spread = np.maximum((high - low) / _NORMAL_WIDTH, least)
    return np.asarray((rows - np.median(fit, axis=0)) / spread)


def _percent(which: NDArray[np.bool_]) -> Pixels:
    return np.asarray(100.0 * which.reshape(len(which), -1).mean(axis=1), dtype=np.float32)


def _values(ordered: Pixels) -> Pixels:
    return np.asarray(np.log2(1.0 + (np.diff(ordered, axis=1) > 0).sum(axis=1)))


def _sharpest(steps: Pixels) -> Pixels:
    return np.asarray(np.percentile(steps, 99.5, axis=(1, 2)))


def _grain(hu: Pixels) -> Pixels:
    """Median distance of a pixel from the mean of its four neighbours; edges are few and count little."""
    middle = hu[:, 1:-1, 1:-1]
    around = (hu[:, :-2, 1:-1] + hu[:, 2:, 1:-1] + hu[:, 1:-1, :-2] + hu[:, 1:-1, 2:]) / 4
    return np.asarray(np.median(np.abs(middle - around), axis=(1, 2)))


def _constant(hu: Pixels) -> Pixels:
    lines = [np.ptp(hu, axis=axis) == 0 for axis in (1, 2)]
    return _percent(np.concatenate(lines, axis=1))


def _rim(hu: Pixels) -> Pixels:
    width = max(1, round(_RIM * hu.shape[1]))
    inner = hu[:, width:-width, width:-width]
    rim_pixels = hu[0].size - inner[0].size
    return np.asarray((hu.sum(axis=(1, 2)) - inner.sum(axis=(1, 2))) / rim_pixels)


def _down(which: NDArray[np.bool_]) -> Pixels:
    """How far below the middle the marked pixels (n, H, W) lie on average, in percent of H; 0 if none is."""
    rows = which.sum(axis=2)
    place = np.linspace(-50.0, 50.0, which.shape[1])
    return np.asarray(rows @ place / np.maximum(rows.sum(axis=1), 1))
