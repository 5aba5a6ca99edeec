"""Readers' outlines: from a mask to the closed chain of pixels just outside it, LIDC's convention."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_RING = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))
"""The eight neighbours (row, column), clockwise as the image is seen, from the right one."""


def outline(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The pixels (row, column) just outside a mask of one piece, in order around it.

    LIDC-IDRI's readers outlined a nodule so that the outline itself is not part of it (Armato et al. 2011).

    Args:
        mask: (rows, columns) with a border of at least one False pixel and at least one True pixel.
    """
    ring = ndimage.binary_dilation(mask)
    return _trace(np.pad(ring, 1))


def main_piece(mask: NDArray[np.bool_], inside: tuple[int, int]) -> NDArray[np.bool_]:
    """The connected piece of `mask` around pixel `inside` (which is added), its holes filled."""
    whole = mask.copy()
    whole[inside] = True
    pieces, _ = ndimage.label(whole)
    return np.asarray(ndimage.binary_fill_holes(pieces == pieces[inside]))


def _trace(ring: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Moore neighbourhood tracing of a padded mask's border; stops when it begins again."""
    start = tuple(int(value) for value in np.argwhere(ring)[0])
    at, toward = (start[0], start[1]), 6
    chain: list[tuple[int, int]] = []
    first_step = None
    while True:
        step = _next_step(ring, at, toward)
        if step is None:
            return [(at[0] - 1, at[1] - 1)]
        if first_step == (at, step):
            return chain
        first_step = first_step or (at, step)
        chain.append((at[0] - 1, at[1] - 1))
        at = (at[0] + _RING[step][0], at[1] + _RING[step][1])
        toward = (step + 5) % 8


def _next_step(ring: NDArray[np.bool_], at: tuple[int, int], toward: int) -> int | None:
    """Direction of the next border pixel, clockwise from `toward`; None if there is no neighbour."""
    for turn in range(8):
        step = (toward + turn) % 8
        if ring[at[0] + _RING[step][0], at[1] + _RING[step][1]]:
            return step
    return None
