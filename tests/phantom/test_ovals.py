"""Ellipses and tubes, by their geometry."""

import numpy as np
import pytest

from lungml.phantom.ovals import Oval, Tube, blend


def at(oval, x, y):
    return float(oval.distance(np.float32([x]), np.float32([y]))[0])


@pytest.mark.parametrize(
    ("x", "y", "distance"), [(1, 2, -5.0), (1, 7, 0.0), (5, 5, 0.0), (1, -6, 3.0), (7, 10, 5.0)]
)
def test_the_distance_to_a_circle_is_exact(x, y, distance):
    assert at(Oval(1, 2, 5, 5), x, y) == pytest.approx(distance, abs=1e-5)


@pytest.mark.parametrize("turn_degrees", [0, 30, 90])
def test_the_edge_of_an_ellipse_is_where_its_equation_holds(turn_degrees):
    oval, turn = Oval(1, 2, 6, 3, turn_degrees), np.radians(turn_degrees)
    along, across = 6 * np.cos(np.arange(8)), 3 * np.sin(np.arange(8))
    x = 1 + along * np.cos(turn) - across * np.sin(turn)
    y = 2 + along * np.sin(turn) + across * np.cos(turn)

    assert oval.distance(x.astype(np.float32), y.astype(np.float32)) == pytest.approx(0, abs=1e-4)
    assert at(oval, 1, 2) < 0 < at(oval, 9, 9)


def test_a_grown_oval_has_longer_half_axes_and_nothing_else():
    assert Oval(1, 2, 6, 3, 30).grown(1.5) == Oval(1, 2, 7.5, 4.5, 30)


TUBE = Tube(((0, 0, 0, 4, 2), (10, 20, -10, 8, 6)))


def test_a_tube_is_joined_linearly_and_ends_where_its_knots_do():
    assert TUBE.at(5, 1.0) == Oval(10, -5, 6, 4)
    assert TUBE.at(10, 1.0) == Oval(20, -10, 8, 6)
    assert TUBE.at(-0.1, 1.0) is None
    assert TUBE.at(10.1, 1.0) is None


def test_a_larger_person_has_a_larger_tube():
    assert TUBE.at(10, 2.0) == Oval(20, -10, 12, 8)  # at half the height, of twice the size


def test_a_closed_tube_is_as_wide_as_its_knots_in_the_middle_alone():
    closed = Tube(((0, 0, 0, 5, 5), (10, 0, 0, 5, 5)), closed=True)

    assert closed.at(5, 1.0) == Oval(0, 0, 5, 5)
    assert closed.at(9, 1.0).half_x == pytest.approx(5 * 0.6)  # 4 of 5 from the middle: 3, 4, 5
    assert closed.at(10, 1.0) is None


def test_a_blend_is_the_nearer_of_two_but_where_they_meet():
    near, far = np.float32([-3.0]), np.float32([9.0])

    assert blend(near, far, 2.0).tolist() == [-3.0]
    assert blend(far, near, 2.0).tolist() == [-3.0]
    assert blend(near, near, 2.0).tolist() == [-3.5]  # the crease is filled by a quarter of the width
