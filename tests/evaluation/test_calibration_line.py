import numpy as np
import pytest
from clustered_cases import cases_of, draw_suspicion
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from lungml.evaluation.calibration import with_temperature
from lungml.evaluation.calibration_line import calibration_line
from lungml.evaluation.recalibration import CALIBRATORS
from lungml.evaluation.suspicion import Suspicion, suspicion_of


def hot(suspicion, temperature=2.0):
    return suspicion_of(
        with_temperature(cases_of(suspicion), 1 / temperature), suspicion.patient_ids
    )  # fmt: skip


def as_one_patient(suspicion):
    """For the value alone: leaving out 3,000 patients takes long."""
    return np.zeros(len(suspicion), dtype=int)


def test_the_slope_is_that_of_scikit_learns_logistic_regression():
    test = draw_suspicion(np.random.default_rng(0), 100)
    other = LogisticRegression(C=1e12, tol=1e-10).fit(logit(test.score)[:, None], test.malignant)

    assert calibration_line(test, 0.95).slope.value == pytest.approx(other.coef_[0, 0], abs=1e-4)


def test_the_intercept_makes_the_stated_share_the_true_one():
    test = draw_suspicion(np.random.default_rng(0), 100)
    odds = logit(test.score)

    found = calibration_line(test, 0.95).intercept.value

    assert (1 / (1 + np.exp(-(odds + found)))).mean() == pytest.approx(test.malignant.mean(), abs=1e-6)


def test_leaving_a_patient_out_is_fitting_the_others():
    """The interval is Student's t with the jackknife's standard error over such fits."""
    test = draw_suspicion(np.random.default_rng(1), 40)
    names = np.unique(test.patient_ids)
    without = [
        LogisticRegression(C=1e12, tol=1e-10).fit(logit(test.score[rest])[:, None], test.malignant[rest])
        for rest in (test.patient_ids != name for name in names)
    ]
    slopes = np.array([other.coef_[0, 0] for other in without])
    error = np.sqrt(39 / 40 * ((slopes - slopes.mean()) ** 2).sum())

    found = calibration_line(test, 0.95).slope

    assert found.high - found.value == pytest.approx(2.0227 * error, rel=1e-3)


def test_a_calibrated_model_is_flagged_in_about_5_percent_of_draws():
    flagged = []
    for seed in range(200):
        line = calibration_line(draw_suspicion(np.random.default_rng(seed), 100), 0.95)
        flagged.append(
            [not part.low <= centre <= part.high for part, centre in ((line.slope, 1), (line.intercept, 0))]
        )

    # Two standard errors of 200 draws are 3.1 points around 3 to 7 %.
    assert all(share <= 0.1 for share in np.mean(flagged, axis=0)), np.mean(flagged, axis=0)


@pytest.mark.parametrize("seed", range(5))
def test_a_twice_too_confident_model_is_flagged_and_repaired(seed):
    rng = np.random.default_rng(seed)
    known, test = draw_suspicion(rng, 3000), draw_suspicion(rng, 3000, first=10**4)
    few = draw_suspicion(rng, 150)

    line = calibration_line(hot(few), 0.95)
    repair = CALIBRATORS["temperature"](cases_of(hot(known)))
    repaired = suspicion_of(repair(cases_of(hot(test))), as_one_patient(test))

    assert line.slope.high < 1
    assert calibration_line(repaired, 0.95).slope.value == pytest.approx(1.0, abs=0.1)


def test_a_model_that_says_malignant_too_often_has_an_intercept_below_zero():
    test = draw_suspicion(np.random.default_rng(0), 300)
    shifted = Suspicion(
        test.malignant, 1 / (1 + np.exp(-(logit(test.score) + 1.5))), test.patient_ids
    )  # fmt: skip

    line = calibration_line(shifted, 0.95)

    assert line.intercept.value == pytest.approx(-1.5, abs=0.3)
    assert line.intercept.high < 0
    assert line.slope.low <= 1 <= line.slope.high


def test_a_model_that_hardly_varies_has_a_steep_slope_with_an_interval():
    test = draw_suspicion(np.random.default_rng(0), 60)
    flat = Suspicion(test.malignant, expit(0.4 + logit(test.score) / 100), test.patient_ids)

    line = calibration_line(flat, 0.95)

    assert line.slope.value == pytest.approx(100 * calibration_line(test, 0.95).slope.value, rel=1e-4)
    assert line.slope.low > 1


def test_classes_told_apart_without_error_have_no_slope():
    apart = Suspicion(np.arange(20) >= 10, np.linspace(0.05, 0.95, 20), np.arange(20))

    assert calibration_line(apart, 0.95).slope.value is None
    assert calibration_line(apart, 0.95).intercept.value is not None
