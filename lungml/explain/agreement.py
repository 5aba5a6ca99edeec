"""How well a map agrees with the nodule that the readers outlined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

Map = NDArray[np.float32]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Agreement:
    """One map against one nodule; None where the map is empty or no pixel is in the mask."""

    energy_in_mask: float | None
    """Share of the map's sum inside the mask. A map without knowledge has `area_share`."""
    area_share: float
    """Share of the image inside the mask."""
    pointing_hit: bool | None
    """Whether the map's highest point is in the mask, or as near to it as the map can tell (half a cell)."""
    empty: bool
    """The map is 0 everywhere: nothing in the image speaks for the class."""


@dataclass(frozen=True)
class Summary:
    """Means over the maps that are defined; None where none is."""

    n: int
    empty: int
    energy_in_mask: float | None
    area_share: float | None
    pointing: float | None


def agreement(of: Map, mask: Mask, cell_px: float) -> Agreement:
    """Compare a map (H, W), at least 0, with a mask (H, W).

    Args:
        of: the map, enlarged to the image.
        mask: the nodule.
        cell_px: width of a cell of the feature map the map was enlarged from.
    """
    empty = not of.any()
    if empty or not mask.any():
        return Agreement(None, float(mask.mean()), None, empty)
    distance_px = distance_transform_edt(~mask)[np.unravel_index(of.argmax(), of.shape)]
    energy = float(of[mask].sum(dtype=np.float64) / of.sum(dtype=np.float64))
    return Agreement(energy, float(mask.mean()), bool(distance_px <= cell_px / 2), empty)


def summarise(found: list[Agreement]) -> Summary:
    """Mean agreement of many maps."""
    defined = [one for one in found if one.energy_in_mask is not None]
    return Summary(
        n=len(found),
        empty=sum(one.empty for one in found),
        energy_in_mask=_mean([one.energy_in_mask for one in defined]),
        area_share=_mean([one.area_share for one in defined]),
        pointing=_mean([one.pointing_hit for one in defined]),
    )


def _mean(values: list[float | bool | None]) -> float | None:
    return float(np.mean(values)) if values else None  # type: ignore[arg-type]
