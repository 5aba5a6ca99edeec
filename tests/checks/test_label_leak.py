import numpy as np
import pytest

from lungml.checks.label_leak import foretold


def patients_of(count, nodules=2):
    return np.repeat([f"p{number:03}" for number in range(count)], nodules)


@pytest.mark.parametrize("confidence", [0.95, 1 - 0.05 / 1000])
@pytest.mark.parametrize("exceptions", [0, 1, 2])
def test_what_tells_nearly_every_label_is_not_put_down_to_chance(exceptions, confidence):
    """Also of one pixel among a thousand."""
    labels = np.tile([0, 1], 60).astype(np.int8)
    score = labels.astype(float)
    score[1 : 2 * exceptions : 2] = 0

    found = foretold(score, labels, patients_of(60), confidence)

    assert found.value == pytest.approx(1 - exceptions / 120)
    assert found.low > 0.6
    assert found.high == 1.0


def test_of_eight_patients_told_rightly_the_next_may_be_another():
    labels = np.tile([0, 1], 16).astype(np.int8)

    found = foretold(labels, labels, patients_of(8, 4), 0.95)

    # Clopper and Pearson: 8 of 8 leaves everything above 0.025 ** (1 / 8) = 0.631.
    assert found.low == pytest.approx(0.6306, abs=1e-4)


def test_chance_is_taken_for_a_leak_in_hardly_any_of_400_cohorts():
    """Labels and scores are alike within a patient, and have nothing to do with each other."""
    above_half, warned = 0, 0
    for seed in range(400):
        rng = np.random.default_rng(seed)
        owner = np.repeat(np.arange(40), rng.integers(1, 5, 40))
        ill = rng.random(40) < 0.4
        labels = np.where(rng.random(len(owner)) < 0.1, ~ill[owner], ill[owner]).astype(np.int8)
        found = foretold(rng.integers(0, 3, 40)[owner], labels, owner.astype(str), 0.95)
        above_half += found.low > 0.5
        warned += found.low > 0.6

    # 2.5 % lie above by chance, and three errors of 400 draws are 2.3 points.
    assert above_half / 400 <= 0.05
    assert warned / 400 <= 0.01


def test_few_of_a_class_say_nothing():
    labels = np.r_[np.ones(9), np.zeros(51)].astype(np.int8)

    assert foretold(labels, labels, patients_of(30), 0.95) is None


def test_a_class_of_one_patient_says_nothing():
    labels = np.r_[np.ones(12), np.zeros(48)].astype(np.int8)

    assert foretold(labels, labels, patients_of(5, 12), 0.95) is None
