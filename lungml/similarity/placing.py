"""Where one picture lies in another: rotation, zoom, shift and mirroring, found for all pairs at once.

Around a centre a picture is a sum of angular waves, so a rotation is a change of their phases: one product
per wave compares a pair at every angle and both ways round. Shift and zoom are tried on a small set.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from lungml.similarity.fingerprint import GRID_PX, FloatArray
from lungml.similarity.threads import in_threads

ComplexArray = NDArray[np.complex64]

MIDDLE_PX = (GRID_PX - 1) / 2
_RADII_PX = np.linspace(1.5, 22, 10)
_ANGLES, _WAVES, _TRIED_ANGLES = 64, 14, 32
_SHIFT_PX = 3.0
_SHIFTS_PX = [
    (0.0, 0.0),
    *((_SHIFT_PX * np.sin(angle), _SHIFT_PX * np.cos(angle)) for angle in np.arange(6) * np.pi / 3),
]
_ZOOMS = (0.93, 1.07)
_ROWS = 192
"""Pictures on each side that are compared together; more fall out of the processor's cache."""


@dataclass(frozen=True)
class Placing:
    """Candidates: point p of `first`, from its middle, shows what `second` shows at `turn` @ p + `shift_px`.

    Arrays are (C,), `turn` (C, 2, 2) and `shift_px` (C, 2), both for (y, x).
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    turn: NDArray[np.float64]
    shift_px: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.first)

    @staticmethod
    def unmoved(pairs: NDArray[np.intp]) -> Placing:
        """Pairs (C, 2), the one picture straight on the other."""
        return Placing(
            pairs[:, 0], pairs[:, 1], np.tile(np.eye(2), (len(pairs), 1, 1)), np.zeros((len(pairs), 2))
        )

    def take(self, rows: NDArray[Any] | slice) -> Placing:
        """Some of the candidates, by place or by mask."""
        return Placing(self.first[rows], self.second[rows], self.turn[rows], self.shift_px[rows])


def find_placings(first: FloatArray, second: FloatArray, *, least: float, upper: bool) -> Placing:
    """The best placing of each pair whose correlation reaches `least`.

    Args:
        first: (N, GRID_PX, GRID_PX), the structure of pictures.
        second: (M, GRID_PX, GRID_PX).
        least: correlation of the coarse comparison, 0 to 1.
        upper: whether only pairs with first < second are wanted (both sides are the same pictures).
    """
    tried = list(product(_SHIFTS_PX, _ZOOMS))
    still = _waves(first, ((0.0, 0.0),), (1.0,))[:, 0]
    moved = _waves(second, tuple(_SHIFTS_PX), _ZOOMS)

    def compare(block: tuple[slice, slice]) -> NDArray[np.intp]:
        rows, columns = block
        best, score = _best_of(still[rows], moved[columns])
        here = np.argwhere(score >= least)
        return np.column_stack(
            [here[:, 0] + rows.start, here[:, 1] + columns.start, best[here[:, 0], here[:, 1]]]
        )

    blocks = list(_blocks(len(first), len(second), upper))
    table = np.concatenate([np.empty((0, 3), np.intp), *in_threads(compare, blocks)])
    if upper:
        table = table[table[:, 0] < table[:, 1]]
    return _placing(table, tried)


def _placing(table: NDArray[np.intp], tried: list[tuple[tuple[float, float], float]]) -> Placing:
    move, turn = np.divmod(table[:, 2], 2 * _TRIED_ANGLES)
    mirrored, step = np.divmod(turn, _TRIED_ANGLES)
    angle = step * 2 * np.pi / _TRIED_ANGLES
    zoom = np.array([zoom for _, zoom in tried])[move]
    shift = np.array([shift for shift, _ in tried])[move]
    sine, cosine = np.sin(angle), np.cos(angle)
    sign = np.where(mirrored, -1, 1)
    rows = [[sign * cosine, sine], [-sign * sine, cosine]]
    return Placing(table[:, 0], table[:, 1], np.moveaxis(np.array(rows) * zoom, 2, 0), shift)


def _blocks(rows: int, columns: int, upper: bool) -> Iterator[tuple[slice, slice]]:
    for top in range(0, rows, _ROWS):
        for left in range(0, columns, _ROWS):
            if not upper or left + _ROWS > top:
                yield slice(top, top + _ROWS), slice(left, left + _ROWS)


def _best_of(still: ComplexArray, moved: ComplexArray) -> tuple[NDArray[np.intp], FloatArray]:
    """Number of the best move, side and angle of each pair (N, M), and its correlation."""
    best = np.zeros((len(still), len(moved)), np.intp)
    score = np.full(best.shape, -1, np.float32)
    for move in range(moved.shape[1]):
        for mirrored, found in enumerate(_over_angles(still, moved[:, move])):
            angle = found.argmax(axis=0)
            top = np.take_along_axis(found, angle[None], axis=0)[0]
            better = top > score
            score[better] = top[better]
            best[better] = (2 * move + mirrored) * _TRIED_ANGLES + angle[better]
    return best, score


def _over_angles(still: ComplexArray, moved: ComplexArray) -> Iterator[FloatArray]:
    """Correlation (angles, N, M) of every pair, straight and then mirrored."""
    a, b = (np.moveaxis(side, 2, 0) for side in (still, moved))
    b = b.transpose(0, 2, 1)
    real, imaginary = a.real @ b.real, a.imag @ b.imag
    across, back = a.imag @ b.real, a.real @ b.imag
    yield _summed(real + imaginary, across - back)
    yield _summed(real - imaginary, -across - back)


def _summed(cosines: FloatArray, sines: FloatArray) -> FloatArray:
    """The waves (waves, N, M) summed at every tried angle."""
    waves = np.concatenate([cosines, sines]).reshape(2 * _WAVES, -1)
    summed: FloatArray = (_phases() @ waves).reshape(_TRIED_ANGLES, *cosines.shape[1:])
    return summed


@cache
def _phases() -> FloatArray:
    turns = np.arange(_TRIED_ANGLES)[:, None] * np.arange(_WAVES) * 2 * np.pi / _TRIED_ANGLES
    return np.asarray(np.concatenate([np.cos(turns), np.sin(turns)], axis=1), np.float32)


def _waves(
    pictures: FloatArray, shifts_px: tuple[tuple[float, float], ...], zooms: tuple[float, ...]
) -> ComplexArray:
    """(N, moves, radii, waves): around each centre, at each zoom, of unit length."""
    moves = len(shifts_px) * len(zooms)
    rings = _polar_operator(shifts_px, zooms) @ pictures.reshape(len(pictures), GRID_PX**2).T
    rings = rings.T.reshape(len(pictures), moves, len(_RADII_PX), _ANGLES)
    weight = np.sqrt(_RADII_PX)[:, None] * np.where(np.arange(_WAVES) > 0, np.sqrt(2), 1)
    waves = np.fft.rfft(rings, axis=3)[..., :_WAVES] * weight
    length = np.sqrt((np.abs(waves) ** 2).sum(axis=(2, 3), keepdims=True))
    return np.asarray(waves / np.maximum(length, 1e-6), np.complex64)


@cache
def _polar_operator(shifts_px: tuple[tuple[float, float], ...], zooms: tuple[float, ...]) -> csr_array:
    """Bilinear samples of a flat picture on rings around every centre, at every zoom."""
    angle = np.arange(_ANGLES) * 2 * np.pi / _ANGLES
    circle = np.stack([np.sin(angle), np.cos(angle)])
    points = [
        MIDDLE_PX + np.array(shift)[:, None, None] + zoom * _RADII_PX[:, None] * circle[:, None]
        for shift, zoom in product(shifts_px, zooms)
    ]
    place = np.concatenate([at.reshape(2, -1) for at in points], axis=1)
    corner = np.floor(place).astype(np.intp)
    part = place - corner
    rows, columns, weights = [], [], []
    for down, right in product((0, 1), repeat=2):
        rows.append(np.arange(place.shape[1]))
        columns.append((corner[0] + down) * GRID_PX + corner[1] + right)
        weights.append(np.abs(1 - down - part[0]) * np.abs(1 - right - part[1]))
    content = np.concatenate(weights).astype(np.float32)
    places = (np.concatenate(rows), np.concatenate(columns))
    return csr_array((content, places), shape=(place.shape[1], GRID_PX**2))
