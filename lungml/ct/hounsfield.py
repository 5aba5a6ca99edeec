"""Stored values to HU, with padding taken out first.

Padding is found on stored values, before rescale:

- the declared PixelPaddingValue (and range), compared as the 16-bit word it is: signed pixels of -2000 are
  often declared as 63536. A declared value whose HU lies inside tissue is not believed (LM-D029): some
  scanners declare 0 and store water as 0.
- undeclared: values below -1500 HU (-2000, -2048, -3024 outside the circle), which no tissue reaches, and
  in unsigned pixels the word 63536, which is -2000 written as signed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungml.ct.header import Header
from lungml.ct.pixels import Stored
from lungml.ct.volume import Hu, Mask
from lungml.quarantine import RefusedError, finding
from lungml.terms import AIR_HU


def to_hounsfield(stored: Stored, header: Header) -> tuple[Hu, Mask]:
    """Rescale by this slice's own slope and intercept.

    Returns:
        HU (row, column), -1000 where padding; rounded to the nearest whole number (halves to even) if the
        slope or intercept is fractional. And the padding mask.

    Raises:
        RefusedError: an HU does not fit 16 bits (LM-D025).
    """
    padding = padding_of(stored, header)
    values = np.where(padding, 0, stored) if padding.any() else stored
    hu = _rescale(values, header)
    hu[padding] = AIR_HU
    return hu, padding


def padding_of(stored: Stored, header: Header) -> Mask:
    """Where stored values are padding."""
    scale = _Scale.of(header)
    limit = scale.stored_at(UNDECLARED_PADDING_HU)
    padding = stored < math.ceil(limit) if scale.slope > 0 else stored > math.floor(limit)
    if not header.pixels.signed:
        padding |= stored == _MINUS_2000_AS_WORD
    declared = declared_padding(header)
    if declared is not None and not padding_is_tissue(header):
        low, high = declared
        padding |= stored == low if low == high else (stored >= low) & (stored <= high)
    return padding


def declared_padding(header: Header) -> tuple[int, int] | None:
    """Lowest and highest stored value that the header declares as padding, as pixels store it."""
    pixels = header.pixels
    if pixels.padding is None:
        return None
    words = (pixels.padding, pixels.padding if pixels.padding_limit is None else pixels.padding_limit)
    low, high = sorted(word - 0x10000 if pixels.signed and word >= 0x8000 else word for word in words)
    return low, high


def padding_is_tissue(header: Header) -> bool:
    """Whether the declared padding would be an HU of the body, so that it cannot be believed."""
    scale = _Scale.of(header)
    declared = declared_padding(header) or ()
    return any(TISSUE_HU[0] < scale.hu(value) < TISSUE_HU[1] for value in declared)


UNDECLARED_PADDING_HU = -1500.0
"""Values below are padding though not declared. Noise around air reaches about -1200."""
TISSUE_HU = (-900.0, 3071.0)
"""Lung to the top of the 12-bit CT scale."""
_MINUS_2000_AS_WORD = 63536


@dataclass(frozen=True)
class _Scale:
    slope: float
    intercept: float

    @classmethod
    def of(cls, header: Header) -> _Scale:
        if header.slope is None or header.intercept is None:
            raise RefusedError(finding("LM-D021", header.path, "none", "a number"))
        return cls(header.slope, header.intercept)

    def hu(self, stored: float) -> float:
        return stored * self.slope + self.intercept

    def stored_at(self, hu: float) -> float:
        return (hu - self.intercept) / self.slope


def _rescale(values: Stored, header: Header) -> Hu:
    scale = _Scale.of(header)
    if scale.slope.is_integer() and scale.intercept.is_integer():
        return _rescale_whole(values, header, int(scale.slope), int(scale.intercept))
    hu: NDArray[np.float64] = np.rint(values * scale.slope + scale.intercept)
    _check_range(float(hu.min()), float(hu.max()), header)
    return hu.astype(np.int16)


def _rescale_whole(values: Stored, header: Header, slope: int, intercept: int) -> Hu:
    """The same in 16-bit arithmetic: it may wrap around on the way, but the ends are known to fit."""
    ends = sorted(int(end) * slope + intercept for end in (values.min(), values.max()))
    _check_range(ends[0], ends[1], header)
    hu = values.astype(np.int16)
    if slope != 1:
        hu *= np.int16(slope)
    hu += np.array(intercept).astype(np.int16)
    return hu


def _check_range(low: float, high: float, header: Header) -> None:
    if low < _INT16.min or high > _INT16.max:
        raise RefusedError(
            finding("LM-D025", header.path, f"HU from {low:g} to {high:g}", f"{_INT16.min} to {_INT16.max}")
        )


_INT16 = np.iinfo(np.int16)
