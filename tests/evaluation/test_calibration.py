import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from lungml.evaluation.calibration import (
    brier,
    calibration_error,
    fit_temperature,
    null_error,
    reliability,
    with_temperature,
)
from lungml.evaluation.tally import Cases, check_cases


def test_brier_score_of_two_classes_is_twice_scikit_learns():
    cases = draw(0, cases=200)

    assert brier(cases) == pytest.approx(2 * brier_score_loss(cases.labels, cases.probabilities[:, 1]))


def test_calibration_error_of_four_cases_worked_by_hand():
    # Bin 1: confidence 0.6 and 0.7, one right: |0.65 - 0.5| = 0.15. Bin 2: 0.8 and 0.9, both right: 0.15.
    cases = check_cases([0, 1, 0, 0], [[0.6, 0.4], [0.7, 0.3], [0.8, 0.2], [0.9, 0.1]])

    assert calibration_error(cases, bins=2) == pytest.approx(0.15)
    assert [(part.count, part.accuracy) for part in reliability(cases, bins=2)] == [(2, 0.5), (2, 1.0)]


@pytest.mark.parametrize("seed", range(5))
def test_a_perfectly_calibrated_model_is_not_flagged(seed):
    cases = draw(seed, cases=237)

    null = null_error(cases, bins=15, draws=500, seed=0)

    assert calibration_error(cases, bins=15) < 1.2 * null.high
    assert null.mean > 0.03


def test_an_over_confident_model_is_flagged_and_repaired():
    calibrated = draw(0, cases=4000)
    over_confident = with_temperature(calibrated, 0.5)

    temperature = fit_temperature(over_confident)

    null = null_error(over_confident, bins=15, draws=500, seed=0)
    assert calibration_error(over_confident, bins=15) > null.high
    assert temperature == pytest.approx(2.0, rel=0.1)
    repaired = with_temperature(over_confident, temperature)
    assert calibration_error(repaired, bins=15) < null_error(repaired, bins=15, draws=500, seed=0).high


def test_temperature_1_changes_nothing_and_none_changes_the_answer():
    cases = draw(0, cases=50, classes=5)

    assert with_temperature(cases, 1.0).probabilities == pytest.approx(cases.probabilities)
    assert (with_temperature(cases, 7.0).predicted == cases.predicted).all()


def test_certain_answers_can_be_cooled():
    cases = check_cases([0, 1, 1], [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])

    temperature = fit_temperature(cases)

    assert temperature > 1
    assert np.isfinite(with_temperature(cases, temperature).probabilities).all()


def test_the_null_is_the_same_for_the_same_seed():
    cases = draw(0, cases=60)

    assert null_error(cases, 10, draws=50, seed=1) == null_error(cases, 10, draws=50, seed=1)
    assert null_error(cases, 10, draws=50, seed=1) != null_error(cases, 10, draws=50, seed=2)


def draw(seed: int, *, cases: int, classes: int = 2) -> Cases:
    """Labels drawn from the probabilities themselves: perfectly calibrated."""
    rng = np.random.default_rng(seed)
    powers = np.exp(rng.normal(size=(cases, classes)))
    probabilities = powers / powers.sum(axis=1, keepdims=True)
    labels = (rng.random((cases, 1)) > probabilities.cumsum(axis=1)).sum(axis=1)
    return check_cases(labels, probabilities)
