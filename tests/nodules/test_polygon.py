import numpy as np
import pytest
from matplotlib.path import Path

from lungml.nodules.polygon import strictly_inside


def inside(points, shape=(9, 9)):
    y, x = np.array(points, dtype=float).T
    return strictly_inside(y, x, shape)


def test_the_outline_itself_does_not_belong_to_the_inside():
    mask = inside([(2, 2), (2, 6), (6, 6), (6, 2)])

    expected = np.zeros((9, 9), bool)
    expected[3:6, 3:6] = True
    assert np.array_equal(mask, expected)


def test_a_diamond_drawn_pixel_by_pixel():
    mask = inside(
        [(1, 4), (2, 5), (3, 6), (4, 7), (5, 6), (6, 5), (7, 4), (6, 3), (5, 2), (4, 1), (3, 2), (2, 3)]
    )

    rows = mask.sum(axis=1).tolist()
    assert rows == [0, 0, 1, 3, 5, 3, 1, 0, 0]


def test_a_closed_outline_is_the_same_as_an_open_one():
    points = [(1, 2), (3, 7), (7, 5), (5, 1)]

    assert np.array_equal(inside(points), inside([*points, points[0]]))


def test_a_bay_is_outside():
    mask = inside([(1, 1), (1, 7), (7, 7), (7, 5), (3, 5), (3, 3), (7, 3), (7, 1)])

    assert mask[2, 2:7].all()
    assert not mask[4, 4]
    assert mask[5, 2]
    assert mask[5, 6]


def test_an_outline_that_crosses_itself_has_both_its_loops_inside():
    mask = inside([(1, 1), (1, 7), (7, 1), (7, 7)])

    assert mask[2, 3:6].all()
    assert mask[6, 3:6].all()
    assert not mask[4].any()
    assert mask.sum() == 2 * (3 + 1)


def test_what_reaches_out_of_the_image_is_cut_off():
    mask = inside([(-3, -3), (-3, 4), (4, 4), (4, -3)])

    assert mask.sum() == 16
    assert mask[:4, :4].all()


def test_two_points_have_no_inside():
    assert not inside([(1, 1), (5, 5)]).any()


def test_a_polygon_beside_the_image_marks_nothing():
    assert not inside([(20, 20), (20, 25), (25, 22)]).any()


@pytest.mark.parametrize("seed", range(10))
def test_turning_the_outline_turns_the_mask(seed):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 12))
    radius = rng.uniform(2, 7, 12)
    y, x = np.rint(8 + radius * np.sin(angles)), np.rint(8 + radius * np.cos(angles))

    mask = strictly_inside(y, x, (17, 17))

    assert np.array_equal(strictly_inside(16 - y, x, (17, 17)), mask[::-1])
    assert np.array_equal(strictly_inside(y, 16 - x, (17, 17)), mask[:, ::-1])
    assert np.array_equal(strictly_inside(x, y, (17, 17)), mask.T)
    assert np.array_equal(strictly_inside(y[::-1], x[::-1], (17, 17)), mask)


@pytest.mark.parametrize("seed", range(5))
def test_fractional_outlines_agree_with_matplotlib(seed):
    rng = np.random.default_rng(seed)
    angles = np.sort(rng.uniform(0, 2 * np.pi, 20))
    y, x = 30 + 20 * np.sin(angles), 30 + rng.uniform(8, 20, 20) * np.cos(angles)
    centres = np.argwhere(np.ones((60, 60)))

    expected = Path(np.column_stack([y, x])).contains_points(centres)

    assert np.array_equal(strictly_inside(y, x, (60, 60)).ravel(), expected)
