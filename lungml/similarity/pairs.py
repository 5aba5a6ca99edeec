"""Pairs of images that show the same pixels, perhaps changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lungml.similarity.fingerprint import Fingerprints, FloatArray, structure, unit_rows
from lungml.similarity.placing import Placing, find_placings
from lungml.similarity.registration import fit
from lungml.similarity.rings import correlation_beside_rings

COARSE_PX, FINE_PX, TEXTURE_PX = (1.5, 5.0), (1.0, 4.0), (0.8, 2.5)
"""Sizes of the detail that finds a pair, and of those that the decision rests on too (`structure`)."""
_TEXTURE_FLAT = 0.001
NEAR = 0.905
"""Images whose structure correlates at least this much, at both sizes taken together, are copies."""
_BESIDE_RINGS = 0.72
"""Copies of LIDC-IDRI's nodules reach at least 0.87, two large spheres of the phantom at most 0.66."""
_LEAST_PLACED = 0.80
_LEAST_UNMOVED = 0.50
_PROMISING = 0.75
"""After two steps of the fit; below this it ends."""
_ROWS = 1024


@dataclass(frozen=True, order=True)
class Pair:
    """Two images, by their place in the fingerprints; `exact`: pixel for pixel, else `near`."""

    first: int
    second: int
    kind: Literal["exact", "near"]
    correlation: float


def near_duplicates(
    a: Fingerprints, b: Fingerprints | None = None, *, rigid: bool, least: float = NEAR
) -> list[Pair]:
    """Find the copies among images: equal ones, and those changed by noise, window or resizing.

    Args:
        a: N images.
        b: M other images, each compared with each of `a`; default: the images of `a` with one another.
        rigid: also find copies that are turned by any angle, mirrored, shifted by up to about 5 % of the
            width, zoomed by up to about 10 %, or all of these.
        least: correlation of their structure, from NEAR on.

    Returns:
        Sorted; with `b` left out, `first` is less than `second`.

    What it finds: of 317 nodules of LIDC-IDRI (71 px crops) all copies with noise of 20 HU, another lung
    window or resized with antialias, and at least 95 % of those moved; no two patients among 1.8 million
    pairs of LIDC-IDRI and 126,000 of the phantom. A copy in a soft-tissue window, which shows no lung, is
    not found.
    """
    other, upper = (a, True) if b is None else (b, False)
    found = {
        (first, second): Pair(first, second, "exact", 1.0)
        for first, second in equal_pairs(a.digests, other.digests)
        if first < second or not upper
    }
    for first, second, correlation in _copies(a.pictures, other.pictures, rigid=rigid, upper=upper):
        known = found.get((first, second))
        if correlation >= least and (known is None or known.correlation < correlation):
            found[first, second] = Pair(first, second, "near", min(correlation, 1.0))
    return sorted(found.values())


@dataclass(frozen=True)
class _Demand:
    """What two images must show beside NEAR: how far the faint texture agrees, and what zoom that takes."""

    texture: float
    log_zoom: float


_UNMOVED = _Demand(texture=0.84, log_zoom=0.015)
"""Noise lowers the agreement of texture; resizing moves the edges by up to half a pixel."""
_MOVED = _Demand(texture=0.92, log_zoom=0.18)


@dataclass(frozen=True)
class _Sides:
    """The structure of both sides' pictures, at three sizes."""

    coarse: tuple[FloatArray, FloatArray]
    fine: tuple[FloatArray, FloatArray]
    texture: tuple[FloatArray, FloatArray]


def _copies(
    first: FloatArray, second: FloatArray, *, rigid: bool, upper: bool
) -> Iterator[tuple[int, int, float]]:
    sides = _Sides(
        coarse=(structure(first, *COARSE_PX), structure(second, *COARSE_PX)),
        fine=(structure(first, *FINE_PX), structure(second, *FINE_PX)),
        texture=(
            structure(first, *TEXTURE_PX, flat=_TEXTURE_FLAT),
            structure(second, *TEXTURE_PX, flat=_TEXTURE_FLAT),
        ),
    )
    unmoved = Placing.unmoved(_alike(*sides.coarse, upper=upper))
    yield from _settled(sides, unmoved, _UNMOVED)
    if rigid:
        moved = find_placings(*sides.coarse, least=_LEAST_PLACED, upper=upper)
        yield from _settled(sides, moved, _MOVED)


def _settled(sides: _Sides, placing: Placing, demand: _Demand) -> Iterator[tuple[int, int, float]]:
    """Fit on coarse detail, then on fine; yield what still agrees, with the mean of both correlations.

    Plain images, such as a round nodule in even lung, agree there with many others once they may move; so
    their faint texture must agree as well, and what they show beside a round edge.
    """
    rough = fit(*sides.coarse, placing, steps=2, stride_px=2)
    rough = rough.where(rough.correlation >= _PROMISING)
    coarse = fit(*sides.coarse, rough.placing, steps=6, stride_px=2)
    coarse = coarse.where(coarse.correlation >= 2 * NEAR - 1)
    fine = fit(*sides.fine, coarse.placing, steps=2, stride_px=1)
    both = (coarse.correlation + fine.correlation) / 2
    texture = fit(*sides.texture, fine.placing.take(both >= NEAR), steps=1, stride_px=1)
    zoom = np.abs(np.linalg.det(texture.placing.turn)) ** 0.5
    beside_rings = correlation_beside_rings(*sides.texture, texture.placing)
    kept = (
        (texture.correlation >= demand.texture)
        & (np.abs(np.log(zoom)) <= demand.log_zoom)
        & (beside_rings >= _BESIDE_RINGS)
    )
    pairs = texture.placing.take(kept)
    values = both[both >= NEAR][kept]
    yield from zip(pairs.first.tolist(), pairs.second.tolist(), values.tolist(), strict=True)


def _alike(first: FloatArray, second: FloatArray, *, upper: bool) -> NDArray[np.intp]:
    """(C, 2): pairs that correlate somewhat as they are."""
    rows, columns = unit_rows(first), unit_rows(second)
    parts = [np.empty((0, 2), np.intp)]
    for start in range(0, len(rows), _ROWS):
        here = np.argwhere(rows[start : start + _ROWS] @ columns.T >= _LEAST_UNMOVED)
        parts.append(here + np.array([start, 0]))
    pairs = np.concatenate(parts)
    return pairs[pairs[:, 0] < pairs[:, 1]] if upper else pairs


def equal_pairs(first: NDArray[np.str_], second: NDArray[np.str_]) -> list[tuple[int, int]]:
    """Places (i, j) of equal checksums."""
    places: dict[str, list[int]] = {}
    for place, digest in enumerate(second.tolist()):
        places.setdefault(digest, []).append(place)
    return [(i, j) for i, digest in enumerate(first.tolist()) for j in places.get(digest, [])]
