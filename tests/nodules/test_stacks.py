import numpy as np

from lungml.nodules.stacks import Outline, Stack, count_readers, overlap, reading_stack


def square(z, low, high, inclusion=True):
    points = np.array([(low, low), (low, high), (high, high), (high, low)], dtype=float)
    return Outline(z, inclusion, points[:, 0], points[:, 1])


def test_a_reading_reaches_from_its_first_to_its_last_plane():
    stack = reading_stack([square(7, 3, 6), square(4, 3, 6)])

    assert stack.origin[0] == 4
    assert stack.voxels.any(axis=(1, 2)).tolist() == [True, False, False, True]
    assert stack.centre().tolist() == [5.5, 4.5, 4.5]


def test_overlap_counts_shared_voxels_wherever_stacks_begin():
    first, second = Stack((0, 5, 5), np.ones((2, 4, 4), bool)), Stack((1, 3, 7), np.ones((3, 4, 9), bool))

    assert overlap(first, second) == overlap(second, first) == 1 * 2 * 2


def test_stacks_that_only_touch_do_not_overlap():
    first, second = Stack((0, 0, 0), np.ones((1, 4, 4), bool)), Stack((0, 4, 0), np.ones((1, 4, 4), bool))

    assert overlap(first, second) == 0


def test_a_plane_is_put_where_it_belongs_and_cut_at_the_border():
    stack = Stack((2, 7, 1), np.ones((1, 4, 3), bool))

    plane = stack.plane(2, (9, 9))

    assert plane.sum() == 2 * 3
    assert plane[7:9, 1:4].all()
    assert not stack.plane(3, (9, 9)).any()


def test_readers_are_counted_once_each():
    stacks = {
        1: [Stack((0, 0, 0), np.ones((1, 2, 2), bool))] * 2,
        4: [Stack((0, 1, 1), np.ones((1, 2, 2), bool))],
    }

    counts = count_readers(stacks)

    assert counts.origin == (0, 0, 0)
    assert counts.voxels[0].tolist() == [[1, 1, 0], [1, 2, 1], [0, 1, 1]]
