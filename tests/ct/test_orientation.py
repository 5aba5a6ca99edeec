"""Axes of files and canonical axes: 48 ways to store a body, and planes that lie askew."""

import numpy as np
import pytest
from ct_files import CANONICAL_AXES, ORIENTATIONS

from lungml.ct.orientation import Orientation, orientation_of

IMAGE = np.arange(2 * 3 * 4).reshape(2, 3, 4)


def directions(order, signs):
    """(3, 3), columns: where slice, row and column grow to."""
    return (CANONICAL_AXES[list(order)] * np.array(signs)[:, None]).T


def test_axial_slices_towards_the_head_are_canonical_already():
    found = orientation_of(directions((0, 1, 2), (1, 1, 1)))

    assert found == Orientation((0, 1, 2), (False, False, False))
    assert found.is_axial
    assert np.shares_memory(found.turn(IMAGE), IMAGE)


@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS, ids=str)
def test_a_body_however_stored_is_turned_to_the_same_body_and_back(order, signs):
    stored = IMAGE.transpose(order)[tuple(slice(None, None, sign) for sign in signs)]
    found = orientation_of(directions(order, signs))

    assert np.array_equal(found.turn(stored), IMAGE)
    assert np.array_equal(found.turn_back(IMAGE), stored)
    assert found.is_axial == (order[0] == 0)


@pytest.mark.parametrize(("order", "signs"), ORIENTATIONS, ids=str)
def test_points_go_where_their_voxels_go(order, signs):
    stored = IMAGE.transpose(order)[tuple(slice(None, None, sign) for sign in signs)]
    points = np.argwhere(np.ones(stored.shape))

    turned = orientation_of(directions(order, signs)).turn_points(points, stored.shape).astype(int)

    assert np.array_equal(IMAGE[tuple(turned.T)], stored[tuple(points.T)])


@pytest.mark.parametrize(("order", "signs"), [each for each in ORIENTATIONS if each[0][0] == 0], ids=str)
def test_a_plane_of_an_axial_series_is_turned_as_its_volume_is(order, signs):
    stored = IMAGE.transpose(order)[tuple(slice(None, None, sign) for sign in signs)]
    found = orientation_of(directions(order, signs))

    plane = found.turn_plane(stored[0])

    assert np.array_equal(plane, found.turn(stored)[-1 if signs[0] < 0 else 0])


def test_a_gantry_that_leans_less_than_half_a_right_angle_changes_nothing():
    angle = np.radians(30)
    lean = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])

    found = orientation_of(lean @ directions((0, 1, 2), (1, -1, 1)))

    assert found == Orientation((0, 1, 2), (False, True, False))
