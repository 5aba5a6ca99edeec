import numpy as np
import pytest

from lungml.explain.agreement import agreement, summarise


def test_energy_is_the_share_of_the_map_inside_the_nodule():
    found = agreement(np.array([[3.0, 1.0], [0.0, 0.0]]), np.array([[True, False], [False, False]]), 1.0)

    assert found.energy_in_mask == pytest.approx(0.75)
    assert found.area_share == pytest.approx(0.25)
    assert found.pointing_hit is True


def test_an_even_map_has_the_nodules_share_of_the_area():
    mask = np.zeros((20, 20), dtype=bool)
    mask[5:9, 5:15] = True

    found = agreement(np.ones((20, 20), dtype=np.float32), mask, 1.0)

    assert found.energy_in_mask == pytest.approx(found.area_share)


@pytest.mark.parametrize(("column", "hit"), [(9, True), (11, True), (12, True), (13, False)])
def test_a_highest_point_within_half_a_cell_of_the_nodule_is_a_hit(column, hit):
    mask = np.zeros((20, 20), dtype=bool)
    mask[:, :10] = True
    peak = np.zeros((20, 20), dtype=np.float32)
    peak[10, column] = 1.0

    assert agreement(peak, mask, 6.0).pointing_hit is hit


def test_an_empty_map_is_called_empty_and_has_no_score():
    found = agreement(np.zeros((4, 4), dtype=np.float32), np.ones((4, 4), dtype=bool), 1.0)

    assert found.empty
    assert found.energy_in_mask is None
    assert found.pointing_hit is None


def test_a_view_without_the_nodule_has_no_score_and_is_not_empty():
    found = agreement(np.ones((4, 4), dtype=np.float32), np.zeros((4, 4), dtype=bool), 1.0)

    assert not found.empty
    assert found.energy_in_mask is None


def test_the_summary_leaves_out_what_has_no_score():
    corner = np.array([[True, False], [False, False]])
    maps = [np.array([[1.0, 1.0], [0, 0]]), np.array([[1.0, 0], [0, 0]]), np.zeros((2, 2))]

    summary = summarise([agreement(one, corner, 1.0) for one in maps])

    assert (summary.n, summary.empty) == (3, 1)
    assert summary.energy_in_mask == pytest.approx(0.75)
    assert summary.pointing == 1.0
    assert summarise([]).energy_in_mask is None
