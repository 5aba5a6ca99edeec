"""Voxels and millimetres of a grid agree both ways, turned or not."""

import numpy as np
import pytest

from lungml.phantom.grid import Grid, cover, smooth_field

PLAIN = Grid((4, 6, 8), (2.5, 1.5, 1.25), (10.0, -20.0, 30.0))
TURNED = Grid((4, 6, 8), (2.5, 1.5, 1.25), (10.0, -20.0, 30.0), turn_degrees=30.0)


@pytest.mark.parametrize("grid", [PLAIN, TURNED], ids=["plain", "turned"])
def test_the_index_of_a_voxel_centre_is_the_voxel(grid):
    x, y = grid.plane_mm
    place = np.array([x[2, 5], y[2, 5], grid.z_mm[3]])

    assert grid.index_of(place) == pytest.approx([3, 2, 5], abs=1e-4)


@pytest.mark.parametrize("grid", [PLAIN, TURNED], ids=["plain", "turned"])
def test_the_middle_of_the_volume_is_its_centre(grid):
    assert grid.index_of(np.array([10.0, -20.0, 30.0])) == pytest.approx([1.5, 2.5, 3.5])


def test_rows_of_a_turned_grid_run_from_left_to_back():
    along, down = TURNED.directions

    assert along == pytest.approx([np.cos(np.pi / 6), 0.5, 0])
    assert np.cross(along, down) == pytest.approx([0, 0, 1])


@pytest.mark.parametrize("grid", [PLAIN, TURNED], ids=["plain", "turned"])
def test_a_part_has_the_places_of_the_whole(grid):
    box = (slice(1, 3), slice(2, 6), slice(0, 5))
    part = grid.part(box)

    assert part.shape == (2, 4, 5)
    assert part.corner_mm == pytest.approx(
        [grid.plane_mm[0][2, 0], grid.plane_mm[1][2, 0], grid.z_mm[1]], abs=1e-4
    )


def test_a_box_holds_all_within_reach_and_ends_at_the_border():
    box = PLAIN.box(np.array([10.0, -20.0, 30.0]), 1.0)

    assert box == (slice(0, 4), slice(0, 6), slice(1, 7))


def test_cover_is_half_on_the_surface():
    distance = np.array([-5.0, 0.0, 0.5, 5.0], np.float32)

    assert cover(distance, 2.0) == pytest.approx([1.0, 0.5, 0.25, 0.0])


def test_a_smooth_field_has_deviation_near_1_and_smooth_neighbours():
    field = smooth_field(np.random.default_rng(0), (8, 128, 128), (4, 16, 16))

    assert field.std() == pytest.approx(1.0, abs=0.2)
    assert np.abs(np.diff(field, axis=2)).mean() < 0.3
