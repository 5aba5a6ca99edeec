"""What the metrics are made of, on three cases that are counted by hand."""

import numpy as np
import pytest

from lungml.evaluation.tally import check_cases, tally

LABELS = [0, 0, 1]
ANSWERS = [[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]]
CASES = check_cases(LABELS, ANSWERS)


def test_counts_are_those_of_the_cases():
    counts = tally(CASES)

    assert counts.confusion.tolist() == [[[1, 1], [0, 1]]]
    assert counts.shares[0] == pytest.approx([2 / 3, 1 / 3])
    assert counts.squared_error[0] == pytest.approx((2 * 0.1**2 + 2 * 0.6**2 + 2 * 0.2**2) / 3)
    assert counts.auroc.tolist() == [[1.0, 1.0]]


def test_a_case_of_weight_two_is_two_cases_and_one_of_weight_none_is_not_there():
    weighted = tally(CASES, np.array([[1.0, 0.0, 2.0]]))
    again = tally(check_cases([0, 1, 1], [ANSWERS[0], ANSWERS[2], ANSWERS[2]]))

    assert weighted.confusion.tolist() == again.confusion.tolist()
    for name in ("shares", "squared_error", "average_precision", "auroc", "rank_correlation"):
        assert getattr(weighted, name) == pytest.approx(getattr(again, name)), name


def test_a_constant_answer_is_the_most_frequent_class_and_ranks_nothing():
    constant = tally(CASES).constant

    assert constant.confusion.tolist() == [[[2, 0], [1, 0]]]
    assert constant.auroc.tolist() == [[0.5, 0.5]]
    assert constant.average_precision[0] == pytest.approx([2 / 3, 1 / 3])
    assert constant.squared_error[0] == pytest.approx(1 - 4 / 9 - 1 / 9)
    assert constant.rank_correlation.tolist() == [0.0]


def test_a_class_without_cases_has_no_area():
    counts = tally(CASES, np.array([[1.0, 1.0, 0.0]]))

    assert np.isnan(counts.average_precision).tolist() == [[False, True]]
    assert np.isnan(counts.auroc).all()


def test_of_five_scores_four_and_five_are_malignant():
    cases = check_cases(range(5), np.eye(5))

    assert cases.malignant.tolist() == [False, False, False, True, True]


def test_of_equally_probable_classes_the_first_is_predicted():
    assert check_cases([1], [[0.2, 0.4, 0.4, 0.0, 0.0]]).predicted.tolist() == [1]


@pytest.mark.parametrize(
    ("labels", "probabilities", "sentence"),
    [
        ([], np.empty((0, 2)), "no cases"),
        ([0, 1], [[1.0, 0.0]], r"labels \(2,\) and probabilities \(1, 2\)"),
        ([0], [[1.0]], "K > 1"),
        ([2], [[0.5, 0.5]], r"labels hold \[2\], expected 0 to 1"),
        ([0, 1], [[0.5, 0.5], [np.nan, 0.5]], "1 cases have probabilities not finite"),
    ],
)
def test_what_cannot_be_judged_is_refused(labels, probabilities, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_cases(labels, probabilities)
