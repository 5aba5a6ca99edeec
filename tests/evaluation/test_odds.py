import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from lungml.evaluation.odds import calibration_intercept, calibration_slope, log_odds

ONCE = np.ones((1, 300))


@pytest.mark.parametrize("seed", range(5))
def test_the_slope_is_that_of_an_unpenalised_logistic_regression(seed):
    odds, truth = draw(seed)
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12).fit(odds[:, None], truth)

    assert calibration_slope(odds, truth, ONCE)[0] == pytest.approx(model.coef_[0, 0], rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_shifted_by_the_intercept_the_odds_foretell_as_many_as_there_are(seed):
    odds, truth = draw(seed)

    shift = calibration_intercept(odds, truth, ONCE)[0]

    assert expit(odds + shift).sum() == pytest.approx(truth.sum(), abs=1e-9)


def test_odds_too_extreme_by_two_have_slope_one_half_and_odds_too_high_a_negative_intercept():
    odds, truth = draw(0, cases=20_000)
    once = np.ones((1, len(odds)))

    assert calibration_slope(odds, truth, once)[0] == pytest.approx(1.0, abs=0.05)
    assert calibration_slope(2 * odds, truth, once)[0] == pytest.approx(0.5, abs=0.03)
    assert calibration_intercept(odds + 0.7, truth, once)[0] == pytest.approx(-0.7, abs=0.06)


def test_weights_count_as_copies():
    odds, truth = draw(1)
    copies = np.random.default_rng(0).integers(0, 4, (3, 300))

    for row, weights in enumerate(copies):
        repeated = np.repeat(odds, weights), np.repeat(truth, weights)
        once = np.ones((1, len(repeated[0])))
        for measure in (calibration_slope, calibration_intercept):
            assert measure(odds, truth, copies.astype(float))[row] == pytest.approx(
                measure(*repeated, once)[0], rel=1e-9
            )


def test_far_odds_are_fitted_too():
    odds, truth = draw(2)
    far = odds * 200

    assert calibration_slope(far, truth, ONCE)[0] == pytest.approx(
        calibration_slope(odds, truth, ONCE)[0] / 200, rel=1e-9
    )
    assert expit(far + calibration_intercept(far, truth, ONCE)[0]).sum() == pytest.approx(truth.sum())


@pytest.mark.parametrize(
    ("odds", "truth"),
    [
        ([-2.0, -1.0, 1.0, 2.0], [0, 0, 1, 1]),
        ([-2.0, -1.0, 1.0, 2.0], [1, 1, 0, 0]),
        ([-1.0, 0.5, 0.5, 2.0], [0, 0, 1, 1]),
        ([0.3, 0.3, 0.3, 0.3], [0, 1, 0, 1]),
        ([-1.0, 1.0, -1.0, 1.0], [1, 1, 1, 1]),
        ([-np.inf, 1.0, 0.0, 2.0], [0, 0, 1, 1]),
    ],
)
def test_a_slope_that_is_not_finite_is_not_given(odds, truth):
    found = calibration_slope(np.array(odds), np.array(truth, dtype=bool), np.ones((1, 4)))

    assert np.isnan(found).all()


def test_one_class_alone_has_no_intercept():
    odds, truth = np.array([0.0, 1.0, 2.0]), np.array([False, False, True])

    found = calibration_intercept(odds, truth, np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]))

    assert np.isnan(found).tolist() == [True, False]


def test_log_odds_are_those_of_all_malignant_classes_together():
    five = np.array([[0.1, 0.2, 0.3, 0.3, 0.1], [1.0, 0.0, 0.0, 0.0, 0.0]])

    assert log_odds(five, 3).tolist() == [pytest.approx(logit(0.4)), -np.inf]


def draw(seed: int, cases: int = 300):
    """Odds that mean what they say."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-0.5, 1.5, cases)
    return odds, rng.random(cases) < expit(odds)
