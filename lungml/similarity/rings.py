"""How well two pictures agree beside their rings.

A round nodule in even lung is little more than one round edge, and any two round edges of like size lie on
each other at every angle. What tells such nodules apart is the rest: lobes, vessels, noise.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from lungml.similarity.fingerprint import FloatArray
from lungml.similarity.placing import Placing
from lungml.similarity.registration import disc_points, sampled_pair
from lungml.similarity.threads import in_threads

_FARTHEST_CENTRE_PX = 5
_AT_ONCE = 64
"""Pairs handled together."""


def correlation_beside_rings(first: FloatArray, second: FloatArray, placing: Placing) -> FloatArray:
    """(C,): correlation of each placed pair once the profile over the rings of its nodule is taken away.

    The centre of the rings is the one, near the middle, that explains most of what both pictures share.

    Args:
        first: (N, GRID_PX, GRID_PX), the structure of pictures.
        second: (M, GRID_PX, GRID_PX).
        placing: C pairs, fitted.
    """
    starts = range(0, max(len(placing), 1), _AT_ONCE)
    cut = [placing.take(slice(start, start + _AT_ONCE)) for start in starts]
    return np.concatenate(in_threads(lambda part: _part(*sampled_pair(first, second, part)), cut))


def _part(a: FloatArray, b: FloatArray, inside: NDArray[np.bool_]) -> FloatArray:
    a, b = np.where(inside, a, 0), np.where(inside, b, 0)
    weight = inside.astype(np.float32)
    shown = [np.maximum(rings @ weight.T, 0.5) for rings in _rings()]
    explained = [
        ((rings @ (a + b).T) ** 2 / points).sum(axis=0) for rings, points in zip(_rings(), shown, strict=True)
    ]
    centre = np.argmax(explained, axis=0)
    found = np.zeros(len(a), np.float32)
    for at in np.unique(centre):
        here = centre == at
        rest = [side[here] - _profile(side[here], shown[at][:, here], _rings()[at]) for side in (a, b)]
        rest = [np.where(inside[here], side, 0) for side in rest]
        length = np.sqrt((rest[0] ** 2).sum(axis=1) * (rest[1] ** 2).sum(axis=1))
        found[here] = (rest[0] * rest[1]).sum(axis=1) / np.maximum(length, 1e-6)
    return found


def _profile(side: FloatArray, shown: FloatArray, rings: csr_array) -> FloatArray:
    """(C, P): the mean of each ring, linear between; twice, as the first leaves half of a steep edge."""
    once = rings.T @ ((rings @ side.T) / shown)
    twice = rings.T @ ((rings @ (side.T - once)) / shown)
    return np.asarray((once + twice).T, np.float32)


@cache
def _rings() -> list[csr_array]:
    """For every centre (rings, P): the shares of each point in the two rings it lies between."""
    points = disc_points(stride_px=1)
    near = np.arange(-_FARTHEST_CENTRE_PX, _FARTHEST_CENTRE_PX + 1)
    centres = np.stack(np.meshgrid(near, near, indexing="ij"), axis=-1).reshape(-1, 2)
    return [_rings_around(np.linalg.norm(points - centre, axis=1)) for centre in centres]


def _rings_around(radius_px: NDArray[np.floating]) -> csr_array:
    inner = np.floor(radius_px).astype(np.intp)
    outward = (radius_px - inner).astype(np.float32)
    place = np.arange(len(radius_px))
    rows, columns = np.concatenate([inner, inner + 1]), np.concatenate([place, place])
    shape = (int(inner.max()) + 2, len(radius_px))
    return csr_array((np.concatenate([1 - outward, outward]), (rows, columns)), shape=shape)
