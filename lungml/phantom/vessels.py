"""Branching vessels of the lungs, and stamping thin round lines (vessels, spicules) into a volume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lungml.phantom.grid import FloatArray, Grid

_LEAF_MM = 0.66
_MURRAY = 2.7
"""Exponent of Murray's law: a parent's radius to it is the sum of its children's."""

_STEP_MM, _POINT_STEP_MM = 5.0, 0.9
"""Distance between the nodes of a tree, and between the points of a stroke."""

_ALIKE = ((0.0, 0.8, 1), (0.8, 1.4, 1), (1.4, 2.4, 2), (2.4, 4.5, 3), (4.5, 99.0, 4))
"""Strokes stamped together: from and to which radius in mm, and every how manieth point is enough."""

_BEND = 0.9
"""How much turning back costs, against distance, when a new branch chooses its parent."""


@dataclass(frozen=True)
class Strokes:
    """Thin round pieces: points (n, 3) as x, y, z in mm, each with a radius in mm."""

    points_mm: NDArray[np.float64]
    radius_mm: NDArray[np.float64]

    def moved(self, by_mm: NDArray[np.float64]) -> Strokes:
        """The same, shifted; `by_mm` is (3,) or (n, 3)."""
        return Strokes(self.points_mm + by_mm, self.radius_mm)


def grow_tree(
    rng: np.random.Generator, root_mm: NDArray[np.float64], tips_mm: NDArray[np.float64]
) -> Strokes:
    """Grow a tree from `root_mm` (3,) that reaches every tip (n, 3), thick at the root and thin at the tips.

    Each tip, nearest to the root first, joins the tree where the way is short and does not turn back; radii
    follow Murray's law.
    """
    order = np.argsort(np.linalg.norm(tips_mm - root_mm, axis=1), kind="stable")
    tree = _Tree.rooted(root_mm, int(np.linalg.norm(tips_mm - root_mm, axis=1).sum() / _STEP_MM) + 2)
    for tip in tips_mm[order]:
        parent = tree.best_parent(tip)
        for point in _bent_line(rng, tree.nodes[parent], tip):
            parent = tree.add(parent, point)
    return tree.strokes()


@dataclass
class _Tree:
    """Nodes (n, 3), the direction in which each was reached, and its parent; `size` of them are in use."""

    nodes: NDArray[np.float64]
    heading: NDArray[np.float64]
    parents: NDArray[np.int64]
    size: int

    @classmethod
    def rooted(cls, root: NDArray[np.float64], capacity: int) -> _Tree:
        nodes = np.zeros((capacity, 3))
        nodes[0] = root
        return cls(nodes, np.zeros((capacity, 3)), np.full(capacity, -1), 1)

    def best_parent(self, tip: NDArray[np.float64]) -> int:
        way = tip - self.nodes[: self.size]
        distance = np.sqrt(np.einsum("nd,nd->n", way, way)) + 1e-9
        ahead = np.einsum("nd,nd->n", way, self.heading[: self.size]) / distance
        return int(np.argmin(distance * (1 + _BEND * (1 - ahead))))

    def add(self, parent: int, point: NDArray[np.float64]) -> int:
        step = point - self.nodes[parent]
        self.nodes[self.size] = point
        self.heading[self.size] = step / max(float(np.sqrt(step @ step)), 1e-9)
        self.parents[self.size] = parent
        self.size += 1
        return self.size - 1

    def strokes(self) -> Strokes:
        """All edges as points, with Murray radii."""
        parents, nodes = self.parents[1 : self.size], self.nodes[: self.size]
        radius = _murray_radius(self.parents[: self.size])
        ends = radius[1:]
        starts = np.minimum(radius[parents], 1.5 * ends)
        count = np.maximum(
            (np.linalg.norm(nodes[1:] - nodes[parents], axis=1) / _POINT_STEP_MM).astype(int), 1
        )
        edge = np.repeat(np.arange(len(parents)), count)
        share = (np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + 1) / count[edge]
        points = nodes[parents[edge]] + share[:, None] * (nodes[1:][edge] - nodes[parents[edge]])
        return Strokes(points, starts[edge] + share * (ends - starts)[edge])


def stamp(share: FloatArray, grid: Grid, strokes: Strokes, thickness_mm: float) -> None:
    """Raise `share` (z, y, x) to the share of each voxel that the strokes fill, in place.

    Strokes thinner than the slice fill only part of it, so they are fainter.
    """
    index = grid.index_of(strokes.points_mm)
    inside = np.all((index > -8) & (index < np.array(grid.shape) + 8), axis=1)
    for low, high, every in _ALIKE:
        chosen = np.flatnonzero(inside & (strokes.radius_mm >= low) & (strokes.radius_mm < high))[::every]
        if len(chosen):
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
    count = max(int(np.linalg.norm(end_mm - start_mm) / _POINT_STEP_MM) + 2, 2)
    along = np.linspace(0, 1, count)[:, None]
    return Strokes(start_mm + along * (end_mm - start_mm), np.interp(along[:, 0], (0, 1), radii_mm))


def join(parts: list[Strokes]) -> Strokes:
    """All strokes as one."""
    if not parts:
        return Strokes(np.zeros((0, 3)), np.zeros(0))
    points = np.concatenate([part.points_mm for part in parts])
    return Strokes(points, np.concatenate([part.radius_mm for part in parts]))


def _bent_line(
    rng: np.random.Generator, start: NDArray[np.float64], end: NDArray[np.float64]
) -> list[NDArray[np.float64]]:
    """Points from `start` (left out) to `end`, `_STEP_MM` apart, bowed sideways a little."""
    length = float(np.linalg.norm(end - start))
    count = max(int(length / _STEP_MM), 1)
    bow = rng.normal(0, 0.06 * length, 3)
    return [
        start + (end - start) * share + bow * np.sin(np.pi * share)
        for share in np.arange(1, count + 1) / count
    ]


def _murray_radius(parents: NDArray[np.int64]) -> NDArray[np.float64]:
    power = np.zeros(len(parents))
    power[np.setdiff1d(np.arange(len(parents)), parents)] = _LEAF_MM**_MURRAY
    for node in range(len(parents) - 1, 0, -1):
        power[parents[node]] += power[node]
    radius: NDArray[np.float64] = power ** (1 / _MURRAY)
    return radius
