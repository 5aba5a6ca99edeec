"""Which pixels lie strictly inside a polygon."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Float = NDArray[np.float64]


def strictly_inside(y: Float, x: Float, shape: tuple[int, int]) -> Mask:
    """Pixels whose centre lies inside a closed polygon and not on its outline (even-odd rule).

    Args:
        y: (n,) vertices in pixels; the centre of the first pixel is 0. The last vertex joins the first.
        x: (n,), likewise.
        shape: (y, x) of the mask. What lies outside is cut off.
    """
    mask = np.zeros(shape, dtype=np.bool_)
    rows = np.arange(max(0, int(np.floor(y.min()))), min(shape[0] - 1, int(np.ceil(y.max()))) + 1)
    if len(y) < 3 or not rows.size:
        return mask
    edges = np.column_stack([y, x, np.roll(y, -1), np.roll(x, -1)])
    sloped = edges[edges[:, 0] != edges[:, 2]]
    inside, on_edge = _scan(sloped, rows, shape[1])
    _mark_flat(edges[edges[:, 0] == edges[:, 2]], rows, on_edge)
    mask[rows] = inside & ~on_edge
    return mask


def _scan(edges: Float, rows: NDArray[Any], width: int) -> tuple[Mask, Mask]:
    """Row by row: parity of the edges crossed so far, and pixels hit exactly; each (rows, width)."""
    y0, x0, y1, x1 = (column[:, None] for column in edges.T)
    low, high = np.minimum(y0, y1), np.maximum(y0, y1)
    with np.errstate(over="ignore"):
        crossing = x0 + (rows - y0) * ((x1 - x0) / (y1 - y0))  # (edges, rows)
    nearest = np.rint(crossing)
    hit = np.abs(crossing - nearest) < _ON_EDGE
    counts = np.zeros((len(rows), width + 1), dtype=np.int32)
    _, crossed_row = half_open = np.nonzero((rows >= low) & (rows < high))
    first_right = np.where(hit[half_open], nearest[half_open], np.ceil(crossing[half_open]))
    np.add.at(counts, (crossed_row, np.clip(first_right, 0, width).astype(np.intp)), 1)
    on_edge = np.zeros((len(rows), width), dtype=np.bool_)
    _, hit_row = closed = np.nonzero(hit & (rows >= low) & (rows <= high))
    columns = nearest[closed]
    within = (columns >= 0) & (columns < width)
    on_edge[hit_row[within], columns[within].astype(np.intp)] = True
    return counts.cumsum(axis=1)[:, :width] % 2 == 1, on_edge


def _mark_flat(edges: Float, rows: NDArray[Any], on_edge: Mask) -> None:
    """Edges along a row lie on the centres between their ends, if the row has centres."""
    for y0, x0, _, x1 in edges:
        row = round(y0)
        if abs(y0 - row) < _ON_EDGE and rows[0] <= row <= rows[-1]:
            low, high = sorted((x0, x1))
            first, last = max(0, int(np.ceil(low - _ON_EDGE))), int(np.floor(high + _ON_EDGE))
            on_edge[row - rows[0], first : last + 1] = True


_ON_EDGE = 1e-6
"""Pixels. Contour coordinates are stored as 32-bit numbers or whole pixels."""
