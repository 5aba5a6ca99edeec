"""Vessels branch from one root to every tip, thick at the root; strokes fill the voxels they pass."""

import numpy as np
import pytest

from lungml.phantom.grid import Grid
from lungml.phantom.vessels import Strokes, grow_tree, line, stamp

GRID = Grid((9, 21, 21), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))


def test_a_tree_reaches_every_tip():
    tips = np.random.default_rng(0).uniform(-60, 60, (80, 3))

    tree = grow_tree(np.random.default_rng(1), np.zeros(3), tips)

    nearest = np.linalg.norm(tree.points_mm[:, None] - tips[None], axis=2).min(axis=0)
    assert nearest.max() < 1e-9


def test_a_tree_is_thickest_at_the_root():
    tips = np.random.default_rng(0).uniform(20, 60, (80, 3))

    tree = grow_tree(np.random.default_rng(1), np.zeros(3), tips)
    near = np.linalg.norm(tree.points_mm, axis=1) < 6

    assert tree.radius_mm[near].max() == tree.radius_mm.max() > 3 * tree.radius_mm.min()


def test_radii_of_a_fork_follow_murrays_law():
    tips = np.array([[40.0, 12.0, 0.0], [40.0, -12.0, 0.0]])

    tree = grow_tree(np.random.default_rng(0), np.zeros(3), tips)
    trunk, branch = tree.radius_mm.max(), tree.radius_mm.min()

    assert trunk == pytest.approx(2 ** (1 / 2.7) * branch)


def test_a_thick_stroke_fills_the_voxels_within_its_radius():
    share = np.zeros(GRID.shape, np.float32)

    stamp(share, GRID, line(np.array([-8.0, 0, 0]), np.array([8.0, 0, 0]), (3.0, 3.0)), 1.0)

    middle = share[4, :, 10]
    assert middle[8:13] == pytest.approx(1.0)
    assert middle[:6].max() == middle[15:].max() == 0


def test_a_stroke_thinner_than_the_slice_is_faint():
    def brightest(radius, thickness):
        share = np.zeros(GRID.shape, np.float32)
        stamp(share, GRID, Strokes(np.zeros((1, 3)), np.array([radius])), thickness)
        return share.max()

    assert brightest(0.5, 5.0) < 0.6 * brightest(0.5, 1.0)


def test_strokes_outside_the_grid_change_nothing():
    share = np.zeros(GRID.shape, np.float32)

    stamp(share, GRID, Strokes(np.full((5, 3), 500.0), np.full(5, 2.0)), 1.0)

    assert not share.any()
