import numpy as np
import pytest

from lungml.evaluation.bootstrap import draw_patients, resample
from lungml.evaluation.tally import Cases

PATIENTS = np.array(["c", "a", "a", "b", "a", "c"])
LABELS = np.array([0, 1, 1, 0, 0, 1])
MALIGNANT = np.array([0.2, 0.9, 0.4, 0.3, 0.6, 0.7])


def cases():
    return Cases(LABELS, np.column_stack([1 - MALIGNANT, MALIGNANT]))


def test_nodules_of_a_patient_come_and_go_together_and_as_many_patients_are_drawn_as_there_are():
    draws = draw_patients(PATIENTS, 500, seed=1)

    assert draws.patients == 3
    assert draws.weights.shape == (500, 6)
    of_patient = {name: draws.weights[:, name == PATIENTS] for name in "abc"}
    for own in of_patient.values():
        assert (own == own[:, :1]).all()
    drawn = sum(own[:, 0] for own in of_patient.values())
    assert (drawn == 3).all()


def test_a_patient_is_left_out_as_often_as_drawing_with_replacement_leaves_out():
    """Of n patients, one is in none of n draws with probability (1 - 1/n)^n; its mean count is 1."""
    weights = draw_patients(np.arange(50), 4000, seed=2).weights

    assert (weights == 0).mean() == pytest.approx((1 - 1 / 50) ** 50, abs=0.005)
    assert weights.mean(axis=0) == pytest.approx(np.ones(50), abs=0.08)


def test_equal_seeds_give_equal_draws_and_other_seeds_others():
    once, again, other = (draw_patients(PATIENTS, 50, seed=seed).weights for seed in (1, 1, 2))

    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)


def test_a_replicate_is_the_metric_of_the_cases_repeated_as_often_as_they_were_drawn():
    draws = draw_patients(PATIENTS, 40, seed=3)

    found = resample(cases(), draws, ("accuracy", "brier"))

    right = (MALIGNANT > 0.5) == LABELS
    squares = 2 * (MALIGNANT - LABELS) ** 2
    for place, weights in enumerate(draws.weights.astype(int)):
        assert found.replicates["accuracy"][place] == pytest.approx(right.repeat(weights).mean())
        assert found.replicates["brier"][place] == pytest.approx(squares.repeat(weights).mean())
    assert found.whole == pytest.approx({"accuracy": 4 / 6, "brier": squares.mean()})


def test_draws_of_other_cases_are_refused():
    with pytest.raises(ValueError, match="draws of 5 cases, but 6 cases"):
        resample(cases(), draw_patients(PATIENTS[:5], 10, seed=1))
