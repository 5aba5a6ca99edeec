import numpy as np
import pytest
from clustered_cases import PREVALENCE, cases_of, draw_suspicion
from scipy.special import logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from lungml.evaluation.calibration import brier, with_temperature
from lungml.evaluation.recalibration import CALIBRATORS, choose_calibrator
from lungml.evaluation.tally import Cases, check_cases


def test_isotonic_of_two_classes_is_scikit_learns_staircase():
    known = draw_suspicion(np.random.default_rng(0), 100)
    stair = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(known.score, known.malignant)

    repaired = CALIBRATORS["isotonic"](cases_of(known))(cases_of(known))

    assert repaired.probabilities[:, 1] == pytest.approx(stair.predict(known.score))
    assert repaired.probabilities.sum(axis=1) == pytest.approx(1.0)


def test_isotonic_of_five_classes_gives_probabilities_also_where_all_stairs_are_at_zero():
    known = check_cases([0, 0, 1, 1, 2], np.eye(3)[[1, 1, 2, 2, 0]])

    repaired = CALIBRATORS["isotonic"](known)(check_cases([0], [[0.0, 0.0, 0.0]]))

    assert repaired.probabilities.sum() == pytest.approx(1.0)


def test_a_calibrated_model_is_left_as_it_is_more_often_than_not_and_never_made_worse_by_much():
    chosen, worse = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        known, test = draw_suspicion(rng, 100), draw_suspicion(rng, 2000, first=10**4)
        choice = choose_calibrator(cases_of(known), known.patient_ids, seed=0)
        repaired = CALIBRATORS[choice.chosen](cases_of(known))(cases_of(test))
        chosen.append(choice.chosen)
        worse.append(brier(repaired) - brier(cases_of(test)))

    assert chosen.count("isotonic") < 10
    assert np.mean(worse) < 0.004


def test_an_over_confident_model_is_repaired():
    rng = np.random.default_rng(0)
    known, test = draw_suspicion(rng, 500), draw_suspicion(rng, 500, first=10**4)
    hot = with_temperature(cases_of(known), 0.5)

    choice = choose_calibrator(hot, known.patient_ids, seed=0)

    assert choice.chosen in {"temperature", "temperature and shift", "isotonic"}
    repaired = CALIBRATORS[choice.chosen](hot)(with_temperature(cases_of(test), 0.5))
    assert brier(repaired) == pytest.approx(brier(cases_of(test)), abs=0.01)


def test_a_model_trained_on_another_mix_of_classes_is_repaired_by_a_shift():
    """Up-sampling malignant cases to one half adds log(0.7 / 0.3) to the log odds."""
    known, test = (draw_suspicion(np.random.default_rng(seed), 150, first=seed * 10**4) for seed in (0, 1))
    shifted, judged = (upsampled(one) for one in (known, test))

    choice = choose_calibrator(shifted, known.patient_ids, seed=0)
    repaired = CALIBRATORS["temperature and shift"](shifted)(judged)

    assert choice.chosen == "temperature and shift"
    assert brier(judged) > brier(cases_of(test)) + 0.03
    assert brier(repaired) == pytest.approx(brier(cases_of(test)), abs=0.01)


def test_a_shift_of_two_classes_is_platts_line():
    known = draw_suspicion(np.random.default_rng(0), 400)
    odds = logit(known.score)[:, None]
    platt = LogisticRegression(C=1e9).fit(odds, known.malignant)

    repaired = CALIBRATORS["temperature and shift"](cases_of(known))(cases_of(known))

    assert repaired.probabilities[:, 1] == pytest.approx(platt.predict_proba(odds)[:, 1], abs=5e-3)


def test_a_class_without_cases_does_not_break_the_shift():
    rng = np.random.default_rng(0)
    cases = check_cases(rng.integers(0, 2, 60), rng.dirichlet(np.ones(3), 60))

    repaired = CALIBRATORS["temperature and shift"](cases)(cases)

    assert np.isfinite(repaired.probabilities).all()
    assert repaired.probabilities[:, 2].mean() < 0.1


def upsampled(suspicion):
    odds = logit(suspicion.score) + np.log((1 - PREVALENCE) / PREVALENCE)
    malignant = 1 / (1 + np.exp(-odds))
    return Cases(suspicion.malignant.astype(int), np.stack([1 - malignant, malignant], axis=1))


def test_a_bent_scale_is_repaired_by_stairs():
    known = draw_suspicion(np.random.default_rng(0), 1000)
    bent = Cases(
        known.malignant.astype(int), np.stack([1 - known.score / 10, known.score / 10], axis=1)
    )  # fmt: skip

    assert choose_calibrator(bent, known.patient_ids, seed=0).chosen == "isotonic"


def test_one_patient_alone_is_left_as_it_is():
    known = check_cases([0, 1, 0], [[0.9, 0.1], [0.4, 0.6], [0.3, 0.7]])

    assert choose_calibrator(known, np.array(["p"] * 3), seed=0).chosen == "as trained"
