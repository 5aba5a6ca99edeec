"""Values of the definitions, worked by hand or by scikit-learn and scipy."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import average_precision_score, roc_auc_score

from lungml.evaluation.ranking import auroc, average_precision, count_found, rank, rank_correlation

EACH_ONCE = np.ones((1, 5))


def found(scores, positive, weights=EACH_ONCE):
    return count_found(rank(np.asarray(scores, float)), np.asarray(positive, bool), weights)


def test_equal_scores_form_one_group_as_they_share_a_threshold():
    ranking = rank(np.array([0.2, 0.9, 0.2, 0.5, 0.2]))

    assert ranking.order.tolist() == [1, 3, 0, 2, 4]
    assert ranking.last.tolist() == [0, 1, 4]


def test_what_is_found_down_to_each_threshold_is_counted():
    counted = found([0.2, 0.9, 0.2, 0.5, 0.2], [1, 1, 0, 0, 0])

    assert counted.positives.tolist() == [[1, 1, 2]]
    assert counted.cases.tolist() == [[1, 2, 5]]


def test_average_precision_and_area_worked_by_hand():
    """From the highest on: positive, negative, positive, negative, negative."""
    counted = found([0.9, 0.8, 0.7, 0.6, 0.5], [1, 0, 1, 0, 0])

    assert average_precision(counted) == pytest.approx([(1 / 1 + 2 / 3) / 2])
    assert auroc(counted) == pytest.approx([5 / 6])  # one of six pairs is in the wrong order


def test_a_tie_between_a_positive_and_a_negative_case_counts_half():
    assert auroc(found([0.5] * 5, [1, 0, 1, 0, 0])) == pytest.approx([0.5])
    assert average_precision(found([0.5] * 5, [1, 0, 1, 0, 0])) == pytest.approx([2 / 5])


@pytest.mark.parametrize("positive", [[0, 0, 0, 0, 0], [1, 1, 1, 1, 1]])
def test_of_one_class_alone_there_is_no_area(positive):
    counted = found([0.9, 0.8, 0.7, 0.6, 0.5], positive)

    assert np.isnan(auroc(counted)).all()
    assert np.isnan(average_precision(counted)).all() == (not any(positive))


@pytest.mark.parametrize("seed", range(5))
def test_each_weighting_is_as_many_copies_of_each_case(seed):
    rng = np.random.default_rng(seed)
    scores, positive = rng.integers(0, 8, 40) / 8, rng.random(40) < 0.4
    weights = rng.integers(0, 4, (6, 40)).astype(float)

    counted = found(scores, positive, weights)

    for row, precision, area in zip(
        weights.astype(int), average_precision(counted), auroc(counted), strict=True
    ):
        copies = positive.repeat(row), scores.repeat(row)
        assert precision == pytest.approx(average_precision_score(*copies))
        assert area == pytest.approx(roc_auc_score(*copies))


@pytest.mark.parametrize("seed", range(5))
def test_rank_correlation_is_spearmans_with_ties_for_each_weighting(seed):
    rng = np.random.default_rng(seed)
    scores, labels = rng.integers(0, 8, 40) / 8, rng.integers(0, 5, 40)
    weights = rng.integers(0, 4, (6, 40)).astype(float)

    value = rank_correlation(rank(scores), labels[:, None] == np.arange(5), weights)

    expected = [spearmanr(scores.repeat(row), labels.repeat(row)).statistic for row in weights.astype(int)]
    assert value == pytest.approx(expected)


def test_equal_scores_correlate_with_nothing_and_equal_classes_with_nothing_defined():
    members = np.array([0, 1, 2, 3, 4])[:, None] == np.arange(5)
    one_class = np.zeros(5, int)[:, None] == np.arange(5)

    assert rank_correlation(rank(np.full(5, 0.5)), members, EACH_ONCE).tolist() == [0.0]
    assert np.isnan(rank_correlation(rank(np.arange(5.0)), one_class, EACH_ONCE)).all()
