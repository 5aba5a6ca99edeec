"""What a phantom nodule is like: the attributes that are drawn, seen in its pixels, and rated by readers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Texture(StrEnum):
    """How much of the nodule hides the lung behind it."""

    SOLID = "solid"
    PART_SOLID = "part-solid"
    GROUND_GLASS = "ground-glass"


class Calcification(StrEnum):
    """Where calcium lies; every pattern drawn here is a benign one."""

    NONE = "none"
    CENTRAL = "central"
    DIFFUSE = "diffuse"
    POPCORN = "popcorn"


MEDIAN_DIAMETER_MM = 8.0
LOG_DIAMETER_SD = 0.5
"""Median and spread of LIDC's nodules of at least 3 mm; natural logarithm."""

DIAMETER_RANGE_MM = (3.6, 26.0)

_TEXTURE_SHARES = {Texture.SOLID: 0.62, Texture.PART_SOLID: 0.20, Texture.GROUND_GLASS: 0.18}
_SHARPNESS = {Texture.SOLID: 0.95, Texture.PART_SOLID: 0.7, Texture.GROUND_GLASS: 0.45}
_CALCIFIED_SHARE_OF_SOLID = 0.24
_SPICULATED_SHARE = 0.45
_LOBULATED_SHARE = 0.45


@dataclass(frozen=True)
class Attributes:
    """A nodule's appearance.

    `spiculation` and `lobulation` go from 0 (none) to 1 (marked), `sharpness` from 0 (poorly defined) to 1,
    `elongation` is the longest over the shortest axis, `density_hu` the HU of its solid or ground-glass part.
    """

    diameter_mm: float
    texture: Texture
    spiculation: float
    lobulation: float
    calcification: Calcification
    sharpness: float
    elongation: float
    density_hu: float

    @property
    def radius_mm(self) -> float:
        """Radius of the sphere of the same volume, spicules left out."""
        return self.diameter_mm / 2

    @property
    def reach_mm(self) -> float:
        """Nothing of the nodule lies farther from its centre."""
        return 1.7 * self.radius_mm + 1.0 + self.spicule_mm * 1.35

    @property
    def spicule_mm(self) -> float:
        """Mean length of the spicules beyond the surface; 0 for a smooth nodule."""
        return 0.0 if self.spiculation < 0.15 else self.spiculation * (4.5 + 0.55 * self.radius_mm)


def draw_attributes(rng: np.random.Generator) -> Attributes:
    """Draw one nodule of at least 3 mm; size is independent of all else, only solid ones hold calcium."""
    texture = list(_TEXTURE_SHARES)[rng.choice(3, p=list(_TEXTURE_SHARES.values()))]
    diameter = MEDIAN_DIAMETER_MM * np.exp(LOG_DIAMETER_SD * rng.standard_normal())
    calcified = bool(rng.random() < _CALCIFIED_SHARE_OF_SOLID) and texture is Texture.SOLID
    spiculation = _zero_inflated(rng, _SPICULATED_SHARE, 2.5, 1.6) * (0.2 if calcified else 1.0)
    lobulation = _zero_inflated(rng, _LOBULATED_SHARE, 2.0, 1.8)
    pattern = (Calcification.CENTRAL, Calcification.DIFFUSE, Calcification.POPCORN)[rng.integers(3)]
    return Attributes(
        diameter_mm=float(np.clip(diameter, *DIAMETER_RANGE_MM)),
        texture=texture,
        spiculation=spiculation,
        lobulation=lobulation,
        calcification=pattern if calcified else Calcification.NONE,
        sharpness=_share(_SHARPNESS[texture] - 0.4 * spiculation + 0.1 * rng.standard_normal()),
        elongation=float(1 + rng.gamma(2.0, 0.1)),
        density_hu=_density_hu(rng, texture),
    )


def _zero_inflated(rng: np.random.Generator, share: float, a: float, b: float) -> float:
    present, weak, marked = rng.random(), rng.uniform(0, 0.1), rng.beta(a, b)
    return float(marked if present < share else weak)


def _share(value: float) -> float:
    return float(np.clip(value, 0, 1))


def _density_hu(rng: np.random.Generator, texture: Texture) -> float:
    ground_glass, solid = rng.normal(-560, 40), rng.normal(35, 15)
    return float(solid if texture is Texture.SOLID else ground_glass)
