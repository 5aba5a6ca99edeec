import numpy as np
import pytest

from lungml.augment.balance import REPEATS, class_weights, draw_showings

LABELS = np.repeat([0, 1, 2], [50, 20, 7])


def shown_counts(**options):
    shown = draw_showings(LABELS, "upsample", seed=1, epoch=0, **options)
    return np.bincount(LABELS[shown.rows])


def test_upsampling_lifts_every_class_to_the_largest():
    assert shown_counts().tolist() == [50, 50, 50]


def test_a_lower_share_lifts_only_the_classes_below_it():
    assert shown_counts(lift=0.3).tolist() == [50, 20, 15]


def test_each_class_is_lifted_to_its_own_number_and_none_is_cut():
    assert shown_counts(lift=(60, 0, 31)).tolist() == [60, 20, 31]


def test_balanced_shows_every_class_equally_often_in_an_epoch_of_the_usual_length():
    rows = draw_showings(LABELS, "balanced", seed=1, epoch=0).rows

    assert np.bincount(LABELS[rows]).tolist() == [26, 26, 25]
    assert set(np.flatnonzero(LABELS > 0)) <= set(rows)


@pytest.mark.parametrize("imbalance", sorted(set(REPEATS) - {"balanced"}))
def test_every_row_is_shown_and_none_from_elsewhere(imbalance):
    shown = draw_showings(LABELS, imbalance, seed=1, epoch=0)

    assert set(shown.rows) == set(range(len(LABELS)))


def test_rows_of_a_class_are_shown_equally_often_give_or_take_one():
    shown = draw_showings(LABELS, "upsample", seed=1, epoch=0)

    times = np.bincount(shown.rows)[LABELS == 2]
    assert times.max() - times.min() == 1
    assert times.sum() == 50


def test_showings_of_a_row_are_counted_from_zero():
    shown = draw_showings(LABELS, "upsample", seed=1, epoch=0)

    for row in range(len(LABELS)):
        copies = shown.copies[shown.rows == row]
        assert copies.tolist() == list(range(len(copies)))


def test_an_epoch_is_drawn_the_same_again_and_the_next_one_differently():
    first, again, later = (draw_showings(LABELS, "upsample", seed=1, epoch=epoch) for epoch in (3, 3, 4))

    assert first.rows.tolist() == again.rows.tolist()
    assert first.rows.tolist() != later.rows.tolist()


def test_which_rows_are_shown_once_more_is_fair_over_epochs():
    """7 rows to 50 showings: each row gets 7 and one of them one more, in turn by chance."""
    extra = np.zeros(7)
    for epoch in range(700):
        rows = draw_showings(LABELS, "upsample", seed=1, epoch=epoch).rows
        extra += np.bincount(rows)[LABELS == 2] - 7

    assert extra.sum() == 700
    assert np.abs(extra / 700 - 1 / 7).max() < 0.05


def test_class_weights_give_each_class_the_same_total():
    weights = class_weights(LABELS, 3)

    totals = weights * np.bincount(LABELS)
    assert np.allclose(totals, len(LABELS) / 3)


def test_a_class_that_is_absent_has_no_weight():
    assert class_weights(np.array([0, 0, 2]), 4).tolist() == [0.75, 0.0, 1.5, 0.0]
