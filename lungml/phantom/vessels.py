"""Branching vessels of the lungs, and stamping thin round lines (vessels, spicules) into a volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungml.phantom.grid import FloatArray, Grid

_LEAF_MM = 0.55
_MURRAY = 2.7
"""Exponent of Murray's law: a parent's radius to it is the sum of its children's."""

_BEND = 0.9
"""How much turning back costs, against distance, when a new branch chooses its parent."""


@dataclass(frozen=True)
class Strokes:
    """Thin round pieces: points (n, 3) as x, y, z in mm, each with a radius in mm."""

    points_mm: NDArray[np.float64]
    radius_mm: NDArray[np.float64]


def grow_tree(
    rng: np.random.Generator, root_mm: NDArray[np.float64], tips_mm: NDArray[np.float64]
) -> Strokes:
    """Grow a tree from `root_mm` (3,) that reaches every tip (n, 3), thick at the root and thin at the tips.

    Each tip, nearest to the root first, joins the tree where the way is short and does not turn back; radii
    follow Murray's law.
    """
    order = np.argsort(np.linalg.norm(tips_mm - root_mm, axis=1), kind="stable")
    nodes, heading = [root_mm], [np.zeros(3)]
    parents = [-1]
    for tip in tips_mm[order]:
        parent = _best_parent(np.array(nodes), np.array(heading), tip)
        for point in _bent_line(rng, nodes[parent], tip):
            step = point - nodes[parent]
            nodes.append(point)
            heading.append(step / max(np.linalg.norm(step), 1e-9))
            parents.append(parent)
            parent = len(nodes) - 1
    return _strokes(np.array(nodes), np.array(parents))


def stamp(share: FloatArray, grid: Grid, strokes: Strokes, thickness_mm: float) -> None:
    """Raise `share` (z, y, x) to the share of each voxel that the strokes fill, in place.

    Strokes thinner than the slice fill only part of it, so they are fainter.
    """
    index = grid.index_of(strokes.points_mm)
    inside = np.all((index > -8) & (index < np.array(grid.shape) + 8), axis=1)
    for low, high in ((0.0, 0.8), (0.8, 1.4), (1.4, 2.4), (2.4, 4.5), (4.5, 99.0)):
        chosen = inside & (strokes.radius_mm >= low) & (strokes.radius_mm < high)
        if chosen.any():
            _stamp_alike(share, grid, index[chosen], strokes.radius_mm[chosen], thickness_mm)


def _stamp_alike(
    share: FloatArray,
    grid: Grid,
    index: NDArray[np.float64],
    radius_mm: NDArray[np.float64],
    thickness_mm: float,
) -> None:
    spacing = np.array(grid.spacing_mm)
    width = float(spacing[1:].mean())
    reach = np.ceil(
        (radius_mm.max() + np.array([0.4 * thickness_mm, width / 2, width / 2])) / spacing
    ).astype(int)
    box = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), axis=-1).reshape(-1, 3)
    nearest = np.rint(index).astype(np.int64)
    offset = ((box[None] + (nearest - index)[:, None]) * spacing).astype(np.float32)
    offset[..., 0] = np.maximum(np.abs(offset[..., 0]) - 0.3 * thickness_mm, 0)
    distance = np.sqrt(np.einsum("nkd,nkd->nk", offset, offset))
    radius = radius_mm[:, None].astype(np.float32)
    filled = np.clip((radius - distance) / width + 0.5, 0, 1) * np.minimum(
        1, (1.7 * radius / thickness_mm) ** 0.8
    )
    voxels = nearest[:, None] + box[None]
    keep = np.all((voxels >= 0) & (voxels < np.array(share.shape)), axis=-1) & (filled > 0.02)
    flat = np.ravel_multi_index(tuple(voxels[keep].T), share.shape)
    np.maximum.at(share.reshape(-1), flat, filled[keep])


def line(
    start_mm: NDArray[np.float64], end_mm: NDArray[np.float64], radii_mm: tuple[float, float]
) -> Strokes:
    """A straight stroke whose radius goes linearly from the first to the second."""
    count = max(int(np.linalg.norm(end_mm - start_mm) / 0.7) + 1, 2)
    along = np.linspace(0, 1, count)[:, None]
    return Strokes(start_mm + along * (end_mm - start_mm), np.interp(along[:, 0], (0, 1), radii_mm))


def join(parts: list[Strokes]) -> Strokes:
    """All strokes as one."""
    if not parts:
        return Strokes(np.zeros((0, 3)), np.zeros(0))
    points = np.concatenate([part.points_mm for part in parts])
    return Strokes(points, np.concatenate([part.radius_mm for part in parts]))


def _best_parent(nodes: NDArray[np.float64], heading: NDArray[np.float64], tip: NDArray[np.float64]) -> int:
    way = tip - nodes
    distance = np.linalg.norm(way, axis=1)
    ahead = np.einsum("nd,nd->n", way, heading) / np.maximum(distance, 1e-9)
    return int(np.argmin(distance * (1 + _BEND * (1 - ahead))))


def _bent_line(
    rng: np.random.Generator, start: NDArray[np.float64], end: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Points from `start` (left out) to `end`, about 5 mm apart, bowed sideways a little."""
    length = float(np.linalg.norm(end - start))
    count = max(int(length / 5.0), 1)
    bow = rng.normal(0, 0.06 * length, 3)
    return [
        start + (end - start) * share + bow * np.sin(np.pi * share)
        for share in np.arange(1, count + 1) / count
    ]


def _strokes(nodes: NDArray[np.float64], parents: NDArray[np.int64]) -> Strokes:
    power = np.zeros(len(nodes))
    has_child = np.zeros(len(nodes), bool)
    has_child[parents[1:]] = True
    for node in range(len(nodes) - 1, 0, -1):
        power[node] += 0.0 if has_child[node] else _LEAF_MM**_MURRAY
        power[parents[node]] += power[node]
    radius = power ** (1 / _MURRAY)
    parts = [
        line(
            nodes[parent],
            nodes[node],
            (min(float(radius[parent]), 1.5 * float(radius[node])), float(radius[node])),
        )
        for node, parent in enumerate(parents)
        if parent >= 0
    ]
    return join(parts)
