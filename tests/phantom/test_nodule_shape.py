"""A nodule has the size it says, spicules reach beyond it, and smooth ones have none."""

from dataclasses import replace

import numpy as np
import pytest

from lungml.phantom.attributes import draw_attributes
from lungml.phantom.grid import Grid
from lungml.phantom.nodule_shape import core_depth, draw_shape, draw_spicules

CENTRE = np.array([3.0, -2.0, 1.0])
GRID = Grid((60, 60, 60), (1.0, 1.0, 1.0), (3.0, -2.0, 1.0))


def looks(**changed):
    return replace(draw_attributes(np.random.default_rng(1)), **changed)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("lobulation", [0.0, 0.9])
def test_the_volume_is_that_of_a_sphere_of_its_diameter(seed, lobulation):
    nodule = looks(diameter_mm=20.0, lobulation=lobulation, spiculation=0.5)
    shape = draw_shape(np.random.default_rng(seed), nodule)

    voxels = sum((core_depth(GRID, CENTRE, shape, plane)[0] > 0).sum() for plane in range(60))

    assert voxels == pytest.approx(np.pi / 6 * 20**3, rel=0.06)


def test_a_round_smooth_nodule_is_a_ball():
    nodule = looks(diameter_mm=12.0, lobulation=0.0, spiculation=0.0, elongation=1.0)
    directions = np.random.default_rng(0).standard_normal((500, 3)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)

    radius = draw_shape(np.random.default_rng(0), nodule).radius_towards(directions)

    assert radius.mean() == pytest.approx(6.0, rel=0.02)
    assert radius.std() < 0.2


def test_lobulation_makes_the_surface_uneven():
    directions = np.random.default_rng(0).standard_normal((500, 3)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)

    def unevenness(lobulation):
        nodule = looks(lobulation=lobulation, spiculation=0.0, elongation=1.0, diameter_mm=12.0)
        return draw_shape(np.random.default_rng(0), nodule).radius_towards(directions).std()

    assert unevenness(0.9) > 4 * unevenness(0.0)


def test_spicules_reach_well_beyond_the_surface_and_never_beyond_the_reach():
    nodule = looks(diameter_mm=10.0, spiculation=0.9, lobulation=0.0, elongation=1.0)
    shape = draw_shape(np.random.default_rng(0), nodule)

    spicules = draw_spicules(np.random.default_rng(0), nodule, shape)
    reach = np.linalg.norm(spicules.points_mm, axis=1)

    assert reach.max() > 10.0
    assert reach.max() <= nodule.reach_mm


def test_a_smooth_nodule_has_no_spicules():
    nodule = looks(spiculation=0.05)

    assert (
        len(
            draw_spicules(
                np.random.default_rng(0), nodule, draw_shape(np.random.default_rng(0), nodule)
            ).radius_mm
        )
        == 0
    )
