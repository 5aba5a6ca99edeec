"""What the HU of a series look like, without padding, and whether they can be HU at all."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungml.ct.volume import Hu, Mask
from lungml.quarantine import RefusedError, finding
from lungml.terms import AIR_HU


@dataclass(frozen=True)
class ImageStatistics:
    """Summary of one volume; modes are NaN where no pixel is in their range."""

    hu_min: float
    hu_p01: float
    hu_p50: float
    hu_p99: float
    hu_max: float
    air_mode_hu: float
    lung_mode_hu: float
    tissue_mode_hu: float
    padding_fraction: float
    pixels_sha256: str


class Collector:
    """Takes planes of a canonical volume from z = 0 on, and sums them up; holds one plane at a time."""

    def __init__(self) -> None:
        self._counts = np.zeros(_VALUES, dtype=np.int64)
        self._padding = 0
        self._digest = hashlib.sha256()

    def add(self, hu: Hu, padding: Mask) -> None:
        """Count one or more planes."""
        contiguous = np.ascontiguousarray(hu)
        self._digest.update(contiguous.astype("<i2", copy=False).data)
        offset = contiguous.ravel().astype(np.int32) - _LOWEST
        self._counts += np.bincount(offset, minlength=_VALUES)
        padded = int(np.count_nonzero(padding))
        self._counts[AIR_HU - _LOWEST] -= padded
        self._padding += padded

    def result(self, path: str, *, white_is_low: bool = False) -> ImageStatistics:
        """The summary of all planes.

        Args:
            path: of the series' first file, for the message.
            white_is_low: an image is MONOCHROME1; HU do not depend on that, but its writer may think so.

        Raises:
            RefusedError: these are not HU of a body in air (LM-D025), or are HU turned upside down (LM-D028).
        """
        self._refuse_implausible(path, white_is_low)
        return self.summary()

    def summary(self) -> ImageStatistics:
        """The same without asking whether this is a body in air, which a crop need not be."""
        shares = self._counts.cumsum() / self._counts.sum()
        present = np.flatnonzero(self._counts)
        return ImageStatistics(
            hu_min=float(present[0] + _LOWEST),
            hu_p01=_quantile(shares, 0.01),
            hu_p50=_quantile(shares, 0.50),
            hu_p99=_quantile(shares, 0.99),
            hu_max=float(present[-1] + _LOWEST),
            air_mode_hu=_mode(self._counts, _LOWEST, -900),
            lung_mode_hu=_mode(self._counts, -950, -600),
            tissue_mode_hu=_mode(self._counts, -150, 200),
            padding_fraction=self._padding / (self._padding + int(self._counts.sum())),
            pixels_sha256=self._digest.hexdigest(),
        )

    def _refuse_implausible(self, path: str, white_is_low: bool) -> None:
        lack = _lack(self._counts)
        more_bone = _share(self._counts, _UPSIDE_DOWN_HU) > _share(self._counts, AIR_AND_LUNG_HU)
        if white_is_low and (lack or more_bone):
            found, expected = lack or ("more pixels of bone than of air or lung", "the reverse")
            raise RefusedError(finding("LM-D028", path, found, expected))
        if lack:
            found, expected = lack
            raise RefusedError(finding("LM-D025", path, found + self._shift(), expected))

    def _shift(self) -> str:
        """Whether values are off by the usual intercept; too low, air is taken for padding."""
        for shift, direction in ((-_USUAL_INTERCEPT, "high"), (_USUAL_INTERCEPT, "low")):
            moved = np.roll(self._counts, shift)
            moved[AIR_HU - _LOWEST] += self._padding if shift > 0 else 0
            if _lack(moved) is None:
                return f", as if {_USUAL_INTERCEPT} HU too {direction}"
        return ""


_LOWEST = -(1 << 15)
_VALUES = 1 << 16

_USUAL_INTERCEPT = 1024

AIR_AND_LUNG_HU = (-1100, -600)
_UPSIDE_DOWN_HU = (600, 1100)
MIN_AIR_SHARE = 0.01
TISSUE_HU = (-200, 300)
MIN_TISSUE_SHARE = 0.05
"""A body in air has both; a shift by 1024 HU, or a wrong sign or slope, leaves one of them empty."""
RANGE_HU = (-1500, 4095)
MIN_RANGE_SHARE = 0.99
"""Metal can be beyond the 12-bit scale, but is never much of a body."""


def _lack(counts: NDArray[np.int64]) -> tuple[str, str] | None:
    """What a body in air has and these counts have not: (found, expected)."""
    wanted = (
        ("air or lung", AIR_AND_LUNG_HU, MIN_AIR_SHARE),
        ("soft tissue", TISSUE_HU, MIN_TISSUE_SHARE),
        ("plausible HU", RANGE_HU, MIN_RANGE_SHARE),
    )
    for what, bounds, least in wanted:
        share = _share(counts, bounds)
        if share < least:
            return f"{share:.1%} of pixels of {what} ({bounds[0]} to {bounds[1]} HU)", f"at least {least:.0%}"
    return None


def _share(counts: NDArray[np.int64], bounds: tuple[int, int]) -> float:
    """Of pixels from the lower to the higher of `bounds`, ends included."""
    low, high = bounds
    return int(counts[low - _LOWEST : high - _LOWEST + 1].sum()) / max(1, int(counts.sum()))


def _quantile(shares: NDArray[np.float64], share: float) -> float:
    """Lowest HU that at least `share` of pixels do not exceed."""
    return float(np.searchsorted(shares, share - 1e-12) + _LOWEST)


def _mode(counts: NDArray[np.int64], low: int, high: int) -> float:
    """Most frequent HU in [low, high)."""
    part = counts[low - _LOWEST : high - _LOWEST]
    return float(part.argmax() + low) if part.any() else math.nan
