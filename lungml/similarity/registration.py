"""Fit pictures onto each other more closely, from a rough placing, and say how well they agree.

Gauss-Newton on shift, zoom and rotation, with gain and offset of the values left free (the inner step of
Lucas & Kanade 1981), for many pairs at once.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from lungml.similarity.fingerprint import GRID_PX, FloatArray, unit_rows
from lungml.similarity.placing import MIDDLE_PX, Placing
from lungml.similarity.threads import in_threads

_RADIUS_PX = 26
_DAMPING = 0.02
_LONGEST_STEP = np.array([1.5, 1.5, 0.06, 0.1])
"""Of shift (y and x, in pixels), log zoom and rotation (radians), in one step."""
_LEAST_OVERLAP = 0.7
"""Share of the disc around the middle that both pictures must show."""
_AT_ONCE = 256
"""Pairs handled together, for the processor's cache."""
_QUARTER = np.array([[0.0, 1.0], [-1.0, 0.0]], np.float32)


@dataclass(frozen=True)
class Fitted:
    """Candidates, placed more closely, and (C,) the correlation of what both pictures show."""

    placing: Placing
    correlation: FloatArray

    def where(self, chosen: NDArray[np.bool_]) -> Fitted:
        """Some of the candidates."""
        return Fitted(self.placing.take(chosen), self.correlation[chosen])


def fit(first: FloatArray, second: FloatArray, placing: Placing, *, steps: int, stride_px: int) -> Fitted:
    """Improve each candidate.

    Args:
        first: (N, GRID_PX, GRID_PX), the structure of pictures.
        second: (M, GRID_PX, GRID_PX).
        placing: C candidates.
        steps: of Gauss-Newton.
        stride_px: distance of the points that are compared.
    """
    slopes = np.stack([second, *np.gradient(second, axis=(1, 2))], axis=-1).astype(np.float32)
    points = disc_points(stride_px)
    starts = range(0, max(len(placing), 1), _AT_ONCE)
    cut = [placing.take(slice(start, start + _AT_ONCE)) for start in starts]
    parts = in_threads(lambda part: _fit_part(first, slopes, part, points, steps), cut)
    joined = (
        np.concatenate([getattr(part.placing, field.name) for part in parts]) for field in fields(Placing)
    )
    return Fitted(Placing(*joined), np.concatenate([part.correlation for part in parts]))


def _fit_part(
    first: FloatArray, slopes: FloatArray, placing: Placing, points: FloatArray, steps: int
) -> Fitted:
    wanted = _sample(first[..., None], placing.first, np.broadcast_to(points, (len(placing), *points.shape)))
    for _ in range(steps):
        arms = points @ placing.turn.transpose(0, 2, 1).astype(np.float32)
        there = arms + placing.shift_px[:, None].astype(np.float32)
        seen = _sample(slopes, placing.second, there)
        placing = _moved(placing, _step(wanted[..., 0], seen, arms, _inside(there)))
    seen, inside = _seen(slopes[..., :1], placing, points)
    return Fitted(placing, _correlation(wanted[..., 0], seen, inside))


def sampled_pair(
    first: FloatArray, second: FloatArray, placing: Placing
) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
    """(C, P) each: both pictures of every candidate at the points of the disc, and which points both show."""
    points = disc_points(stride_px=1)
    here = np.broadcast_to(points, (len(placing), *points.shape))
    return _sample(first[..., None], placing.first, here)[..., 0], *_seen(second[..., None], placing, points)


def _seen(layer: FloatArray, placing: Placing, points: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    there = (points @ placing.turn.transpose(0, 2, 1) + placing.shift_px[:, None]).astype(np.float32)
    return _sample(layer, placing.second, there)[..., 0], _inside(there)


def _step(
    wanted: FloatArray, seen: FloatArray, arms: FloatArray, inside: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(C, 4): what to add to shift y, shift x, log zoom and rotation."""
    value, slope = seen[..., 0], seen[..., 1:]
    zoomed, rotated = (slope * arms).sum(axis=2), (slope * (arms @ _QUARTER.T)).sum(axis=2)
    columns = [slope[..., 0], slope[..., 1], zoomed, rotated, value, np.ones_like(value)]
    design = np.stack(columns, axis=1) * inside[:, None]
    square = (design @ design.transpose(0, 2, 1)).astype(np.float64)
    square += np.eye(6) * (_DAMPING * square.diagonal(axis1=1, axis2=2)[:, None] + 1e-6)
    right = (design @ (wanted - value)[..., None]).astype(np.float64)
    return np.clip(np.linalg.solve(square, right)[:, :4, 0], -_LONGEST_STEP, _LONGEST_STEP)


def _moved(placing: Placing, step: NDArray[np.float64]) -> Placing:
    zoom, sine, cosine = np.exp(step[:, 2]), np.sin(step[:, 3]), np.cos(step[:, 3])
    change = np.moveaxis(np.array([[cosine, sine], [-sine, cosine]]) * zoom, 2, 0)
    return Placing(placing.first, placing.second, change @ placing.turn, placing.shift_px + step[:, :2])


def _correlation(wanted: FloatArray, seen: FloatArray, inside: NDArray[np.bool_]) -> FloatArray:
    share = inside.mean(axis=1, keepdims=True)
    a, b = (np.where(inside, side, 0) for side in (wanted, seen))
    a, b = (
        np.where(inside, side - side.mean(axis=1, keepdims=True) / np.maximum(share, 1e-6), 0)
        for side in (a, b)
    )
    found = (unit_rows(a) * unit_rows(b)).sum(axis=1)
    return np.asarray(np.where(share[:, 0] >= _LEAST_OVERLAP, found, 0), np.float32)


def disc_points(stride_px: int) -> FloatArray:
    """(P, 2): (y, x) from the middle, in the disc that is compared."""
    line = np.arange(GRID_PX)[::stride_px] - MIDDLE_PX
    grid = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
    return np.asarray(grid[np.hypot(*grid.T) <= _RADIUS_PX], np.float32)


def _inside(there: NDArray[np.floating]) -> NDArray[np.bool_]:
    """(C, P): whether the picture reaches there."""
    return np.asarray((np.abs(there) <= MIDDLE_PX).all(axis=2))


def _sample(layers: FloatArray, which: NDArray[np.intp], there: FloatArray) -> FloatArray:
    """(C, P, L): bilinear samples of pictures `which` (C,) of `layers` (N, H, W, L) at (C, P, 2)."""
    place = np.clip(there + np.float32(MIDDLE_PX), 0, GRID_PX - 1.001)
    corner = place.astype(np.intp)
    part = place - corner
    flat = layers.reshape(-1, layers.shape[-1])
    start = which[:, None] * GRID_PX**2 + corner[..., 0] * GRID_PX + corner[..., 1]
    down, right = (part[..., axis, None].astype(np.float32) for axis in (0, 1))
    top = flat[start] * (1 - right) + flat[start + 1] * right
    bottom = flat[start + GRID_PX] * (1 - right) + flat[start + GRID_PX + 1] * right
    return np.asarray(top * (1 - down) + bottom * down, np.float32)
