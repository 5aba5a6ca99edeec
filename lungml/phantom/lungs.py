"""The lungs: where they are, their tissue with fissures, vessels and small airways."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lungml.phantom import mediastinum, spine, wall
from lungml.phantom.body import Body
from lungml.phantom.grid import FloatArray, Grid, cover, paint, smooth_field
from lungml.phantom.ovals import blend
from lungml.phantom.vessels import Strokes, grow_tree, join, stamp

HILUM_MM = {-1: (-42.0, 4.0, -26.0), 1: (44.0, 6.0, -20.0)}
"""Root of the vessels of the right (-1) and left (1) lung in a standard chest: x, y, z."""

_COARSE_MM = 5.0
_BRONCHUS_WALL_MM, _BRONCHUS_WALL_HU = 0.9, -120.0
_TIPS_PER_TREE = 270


def lung_distance(
    body: Body, at: tuple[FloatArray, FloatArray], outside_mm: FloatArray, z_mm: float
) -> FloatArray:
    """Signed distance from the surface of the lungs in one plane, mm; negative inside.

    `outside_mm` is the distance outside the pleura, as `wall.paint_wall` returns it.
    """
    middle = blend(mediastinum.mediastinum_distance(body, *at, z_mm), spine.spine_distance(body, *at), 4)
    return np.maximum(outside_mm, -middle)


def lung_points(body: Body, z_range_mm: tuple[float, float], depth_mm: float) -> NDArray[np.float64]:
    """(n, 4) points on a coarse lattice that lie at least `depth_mm` inside a lung: x, y, z, depth."""
    reach_x, reach_y = 1.15 * body.width_mm, 1.1 * body.depth_mm
    y, x = np.meshgrid(np.arange(-reach_y, reach_y, _COARSE_MM), np.arange(-reach_x, reach_x, _COARSE_MM))
    at = (x.astype(np.float32), y.astype(np.float32))
    place = wall.polar(*at, _COARSE_MM)
    found = []
    for z in np.arange(z_range_mm[0], z_range_mm[1] + 1e-6, _COARSE_MM):
        pleura = wall.pleura_mm(body, float(z)).astype(np.float32)[place.angle]
        depth = -lung_distance(body, at, place.radius_mm - pleura, float(z))
        inside = depth >= depth_mm
        found.append(np.stack([x[inside], y[inside], np.full(inside.sum(), z), depth[inside]], axis=1))
    return np.concatenate(found)


def lung_vessels(
    rng: np.random.Generator, body: Body, z_range_mm: tuple[float, float]
) -> tuple[Strokes, Strokes]:
    """Arteries and veins of both lungs, each a tree from the hilum; and the bronchi beside the arteries."""
    low, high = z_range_mm
    points = lung_points(body, (low - 25, high + 25), 2.5)
    arteries: list[Strokes] = []
    veins: list[Strokes] = []
    for side, hilum in HILUM_MM.items():
        lung = points[points[:, 0] * side > 0, :3]
        for trees, drop_mm in ((arteries, 0.0), (veins, -14.0)):
            root = np.array(hilum) * body.scale + (0, -drop_mm * 0.4, drop_mm)
            count = min(_TIPS_PER_TREE, len(lung))
            tips = lung[rng.permutation(len(lung))[:count]] + rng.uniform(-2.5, 2.5, (count, 3))
            trees.append(grow_tree(rng, root, tips))
    return join(arteries + veins), _beside(join(arteries))


def paint_bronchi(tissue_hu: FloatArray, grid: Grid, bronchi: Strokes, thickness_mm: float) -> None:
    """Draw thin-walled tubes of air into the HU of lung, in place."""
    wall_share, air_share = np.zeros(grid.shape, np.float32), np.zeros(grid.shape, np.float32)
    stamp(wall_share, grid, Strokes(bronchi.points_mm, bronchi.radius_mm + _BRONCHUS_WALL_MM), thickness_mm)
    stamp(air_share, grid, bronchi, thickness_mm)
    paint(tissue_hu, np.maximum(wall_share - air_share, 0), _BRONCHUS_WALL_HU)
    paint(tissue_hu, air_share, -985.0)


def lung_tissue(rng: np.random.Generator, body: Body, grid: Grid) -> FloatArray:
    """HU (z, y, x) of lung without vessels: denser towards the back, mottled, with any emphysema."""
    _, y = grid.plane_mm
    tissue = np.empty(grid.shape, np.float32)
    tissue[:] = body.lung_hu + 0.22 * y
    planes, rows, columns = grid.shape
    tissue += 16 * smooth_field(rng, grid.shape, (max(planes // 5, 2), rows // 12, columns // 12))
    tissue += 20 * smooth_field(rng, grid.shape, (max(planes * 2 // 3, 2), rows // 3, columns // 3))
    if body.emphysema > 0:
        holes = smooth_field(rng, grid.shape, (max(planes // 3, 2), rows // 8, columns // 8))
        tissue -= 95 * body.emphysema**0.5 * np.clip(holes - 0.7, 0, 1)
    return tissue


def paint_fissures(tissue_hu: FloatArray, body: Body, grid: Grid) -> None:
    """Draw the oblique fissure of each lung as a faint bent sheet, in place."""
    x, y = grid.plane_mm
    bend = 0.0016 * (np.abs(x) - 60) ** 2
    for plane, z in enumerate(grid.z_mm):
        middle = 12 * body.scale - 0.62 * (z + 40) + 6 * np.sign(x) - bend
        tissue_hu[plane] += 110 * cover(np.abs(y - middle.astype(np.float32)) - 0.25, 1.6)


def _beside(arteries: Strokes) -> Strokes:
    """Bronchi next to the arteries that are wide enough, as wide as they are."""
    wide = arteries.radius_mm > 1.9
    radius = 0.85 * arteries.radius_mm[wide]
    apart = (arteries.radius_mm[wide] + radius + 0.8)[:, None] * np.array([0.3, 0.85, 0.3])
    return Strokes(arteries.points_mm[wide], radius).moved(apart)
