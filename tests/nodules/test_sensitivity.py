from placed_readings import box

from lungml.nodules.sensitivity import SeriesReadings, sensitivity
from lungml.params.data import ConsensusParams

SPACING_MM = (2.0, 1.0, 1.0)
OVERLAPPING = (box(1, (0, 0, 0), (1, 10, 10)), box(2, (0, 0, 7), (1, 10, 10)))
"""30 of 100 voxels are shared, the centres are 7 mm apart."""
APART = (box(1, (9, 0, 0), (1, 4, 4)), box(2, (11, 0, 0), (1, 4, 4)))
"""Nothing is shared, the centres are 4 mm apart."""
IN_FORCE = ConsensusParams(overlap_fraction=0.1, distance_mm=3.0)


def by_params(*series):
    found = sensitivity([SeriesReadings(readings, SPACING_MM) for readings in series], IN_FORCE)
    assert found[0].params == IN_FORCE
    return {(each.params.overlap_fraction, each.params.distance_mm): each for each in found}


def test_a_stricter_overlap_splits_a_nodule_and_a_larger_distance_joins_two():
    found = by_params(OVERLAPPING, APART)

    numbers = {params: outcome.nodules for params, outcome in found.items()}
    assert numbers[0.1, 3.0] == 3
    assert (numbers[0.25, 3.0], numbers[0.5, 3.0]) == (3, 4)
    assert (numbers[0.1, 1.5], numbers[0.1, 5.0], numbers[0.1, 8.0]) == (3, 2, 2)


def test_a_nodule_is_kept_where_its_readings_are_together_with_no_other():
    found = by_params(OVERLAPPING, APART)

    assert found[0.1, 3.0].kept == 3
    assert found[0.5, 3.0].kept == 2
    assert found[0.1, 5.0].kept == 1


def test_a_reader_who_marked_it_twice_makes_a_nodule_ambiguous_only_where_it_is_joined():
    between = (box(1, (0, 0, 0), (1, 4, 4)), box(1, (0, 0, 8), (1, 4, 4)), box(2, (0, 0, 4), (1, 4, 4)))

    found = by_params(between)

    assert (found[0.1, 3.0].nodules, found[0.1, 3.0].ambiguous) == (3, 0)
    assert (found[0.1, 5.0].nodules, found[0.1, 5.0].ambiguous) == (1, 1)
