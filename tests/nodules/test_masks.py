import numpy as np
import pandas as pd

from lungml.nodules.masks import consensus_plane_mask, contour_mask

SQUARE = [(2, 2), (2, 6), (6, 6), (6, 2)]


def contour(reading_id, z, points, number=0, inclusion=True):
    y, x = np.array(points, dtype=np.float32).T
    names = ("reading_id", "contour", "z_index", "inclusion", "y_index", "x_index")
    return dict(zip(names, (reading_id, number, z, inclusion, y, x), strict=True))


def shifted(by):
    return [(y, x + by) for y, x in SQUARE]


READINGS = pd.DataFrame(
    {"reading_id": ["a", "b", "c"], "reader": [1, 2, 3], "nodule_id": ["p-n1", "p-n1", "p-n2"]}
)


def test_a_contour_mask_is_what_is_inside_and_in_no_hole():
    rows = pd.DataFrame(
        [contour("a", 3, SQUARE), contour("a", 3, [(3, 3), (3, 5), (5, 5), (5, 3)], 1, inclusion=False)]
    )

    mask = contour_mask(rows, (9, 9))

    assert mask.sum() == 8
    assert not mask[4, 4]


def test_the_consensus_of_a_plane_counts_the_readers_of_that_nodule():
    contours = pd.DataFrame(
        [
            contour("a", 3, SQUARE),
            contour("b", 3, shifted(1)),
            contour("b", 4, SQUARE),
            contour("c", 3, shifted(9)),
        ]
    )

    half = consensus_plane_mask(contours, READINGS, "p-n1", 3, (9, 20), 0.5)
    all_readers = consensus_plane_mask(contours, READINGS, "p-n1", 3, (9, 20), 1.0)

    assert np.argwhere(half).min(axis=0).tolist() == [3, 3]
    assert half.sum() == 12  # columns 3 to 6
    assert all_readers.sum() == 6  # columns 4 and 5


def test_a_plane_without_contours_is_empty():
    contours = pd.DataFrame([contour("a", 3, SQUARE), contour("b", 3, SQUARE)])

    assert not consensus_plane_mask(contours, READINGS, "p-n1", 8, (9, 9), 0.5).any()


def test_a_reader_with_two_readings_counts_once():
    readings = pd.DataFrame({"reading_id": ["a", "a2", "b"], "reader": [1, 1, 2], "nodule_id": ["p-n1"] * 3})
    contours = pd.DataFrame(
        [contour("a", 3, SQUARE), contour("a2", 3, shifted(1)), contour("b", 3, shifted(9))]
    )

    mask = consensus_plane_mask(contours, readings, "p-n1", 3, (9, 20), 1.0)

    # nowhere do both readers agree, so all that one marked is taken
    assert mask.sum() == 12 + 9
