import math

import numpy as np
import pytest
from placed_readings import box

from lungml.nodules.consensus import consensus_nodules
from lungml.params.data import ConsensusParams

SPACING_MM = (2.0, 1.0, 0.5)


def consensus(*readings, **params):
    return consensus_nodules(readings, SPACING_MM, ConsensusParams(**params))


def test_readings_that_overlap_are_one_nodule():
    (nodule,) = consensus(
        box(1, (4, 10, 10), (2, 6, 6), malignancy=5), box(2, (4, 11, 10), (2, 6, 6), malignancy=3)
    )

    assert (nodule.n_readers, nodule.scores, nodule.ambiguous) == (2, (3, 5), False)
    assert nodule.diameter_mm == 6


def test_readings_that_are_far_apart_are_two_nodules_in_order_of_z():
    upper, lower = box(1, (9, 1, 1), (1, 4, 4)), box(2, (4, 30, 30), (1, 4, 4))

    first, second = consensus(upper, lower)

    assert (first.centre[0], second.centre[0]) == (4, 9)


def test_near_centres_join_without_overlap():
    first, second = box(1, (4, 10, 10), (1, 2, 2)), box(2, (5, 10, 10), (1, 2, 2))  # 2 mm apart in z

    assert len(consensus(first, second, distance_mm=2.0)) == 1
    assert len(consensus(first, second, distance_mm=1.9)) == 2


def test_overlap_is_a_share_of_the_smaller_volume():
    large, small = box(1, (0, 0, 0), (1, 40, 40)), box(2, (0, 38, 0), (1, 8, 10))  # 20 of 80 voxels shared

    assert len(consensus(large, small, distance_mm=0.0, overlap_fraction=0.25)) == 1
    assert len(consensus(large, small, distance_mm=0.0, overlap_fraction=0.26)) == 2


def test_a_chain_of_readings_is_one_nodule():
    chain = [box(reader, (4, 10 + 4 * reader, 10), (1, 6, 6)) for reader in (1, 2, 3)]

    (nodule,) = consensus(*chain, distance_mm=0.0)

    assert nodule.n_readers == 3


def test_two_nodules_of_one_reader_stay_two():
    first, second = box(1, (4, 10, 10), (1, 4, 4)), box(1, (4, 12, 10), (1, 4, 4), number=1)

    assert len(consensus(first, second)) == 2


def test_a_reader_who_sees_two_where_another_sees_one_makes_it_ambiguous():
    whole = box(1, (4, 10, 10), (1, 12, 6))
    parts = [box(2, (4, 10, 10), (1, 5, 6), malignancy=1), box(2, (4, 17, 10), (1, 5, 6), malignancy=2)]

    (nodule,) = consensus(whole, *parts)

    assert nodule.ambiguous
    assert (nodule.n_readers, nodule.scores) == (2, (1, 2, 3))


def test_more_than_four_readings_are_ambiguous():
    readings = [box(reader, (4, 10, 10), (1, 6, 6)) for reader in range(1, 6)]

    assert consensus(*readings)[0].ambiguous
    assert not consensus(*readings[:4])[0].ambiguous


def test_a_reading_without_a_score_counts_as_reader_only():
    (nodule,) = consensus(box(1, (4, 1, 1), (1, 4, 4), malignancy=0), box(2, (4, 1, 1), (1, 4, 4)))

    assert (nodule.n_readers, nodule.scores) == (2, (3,))


@pytest.mark.parametrize(("share", "rows"), [(0.5, 6), (0.51, 4), (1.0, 4)])
def test_a_voxel_needs_the_share_of_readers(share, rows):
    first, second = box(1, (4, 10, 10), (2, 4, 6)), box(2, (4, 10, 10), (2, 6, 6))

    (nodule,) = consensus(first, second, mask_share=share)

    assert nodule.volume_mm3 == pytest.approx(2 * rows * 6 * math.prod(SPACING_MM))
    assert nodule.centre == (4.5, 10 + (rows - 1) / 2, 12.5)


def test_a_nodule_is_never_empty():
    first, second = box(1, (4, 10, 10), (1, 1, 1)), box(2, (4, 12, 10), (1, 1, 1))

    (nodule,) = consensus(first, second, mask_share=1.0)

    assert nodule.volume_mm3 == 2 * math.prod(SPACING_MM)


def test_the_largest_plane_is_that_of_the_consensus():
    tall, flat = box(1, (4, 10, 10), (3, 4, 4)), box(2, (5, 10, 10), (1, 9, 9))

    (nodule,) = consensus(tall, flat)

    assert nodule.largest_z_index == 5


@pytest.mark.parametrize("seed", range(5))
def test_nodules_do_not_depend_on_the_order_of_readings(seed):
    rng = np.random.default_rng(seed)
    readings = [
        box(int(rng.integers(1, 5)), tuple(int(v) for v in rng.integers(0, 20, 3)), (2, 5, 5), number=number)
        for number in range(12)
    ]

    def summary(order):
        nodules = consensus(*(readings[index] for index in order))
        return [(nodule.centre, nodule.volume_mm3, nodule.n_readers, nodule.ambiguous) for nodule in nodules]

    assert summary(rng.permutation(12)) == summary(range(12))
