import numpy as np
import pytest

from lungml.evaluation.suspicion import suspicion_of
from lungml.evaluation.tally import check_cases


def test_scores_four_and_five_are_malignant():
    cases = check_cases([0, 2, 3, 4], np.full((4, 5), 0.2))

    found = suspicion_of(cases, ["a", "b", "c", "d"])

    assert found.malignant.tolist() == [False, False, True, True]
    assert found.score == pytest.approx(0.4)


def test_of_two_classes_the_second_is_malignant():
    found = suspicion_of(check_cases([0, 1], [[0.9, 0.1], [0.3, 0.7]]), ["a", "b"])

    assert found.malignant.tolist() == [False, True]
    assert found.score.tolist() == [0.1, 0.7]


def test_every_case_needs_a_patient():
    with pytest.raises(ValueError, match="1 patient ids for 2 cases"):
        suspicion_of(check_cases([0, 1], [[0.9, 0.1], [0.3, 0.7]]), ["a"])
