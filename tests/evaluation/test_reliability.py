import numpy as np
import pytest
from clustered_cases import draw_suspicion
from scipy.special import expit, logit

from lungml.evaluation.reliability import brier_parts, reliability_bins
from lungml.evaluation.suspicion import Suspicion


def test_two_bins_worked_by_hand():
    ids = np.array(["a", "b", "c", "d"])
    suspicion = Suspicion(np.array([False, True, True, True]), np.array([0.1, 0.3, 0.6, 0.8]), ids)

    low, high = reliability_bins(suspicion, 2, 0.95)

    assert (low["stated"], low["true"]["value"]) == (pytest.approx(0.2), 0.5)
    assert (high["stated"], high["true"]["value"]) == (pytest.approx(0.7), 1.0)


def test_the_intervals_of_a_calibrated_model_hold_what_it_states():
    inside = [
        part["true"]["low"] <= part["stated"] <= part["true"]["high"]
        for seed in range(60)
        for part in reliability_bins(draw_suspicion(np.random.default_rng(seed), 150), 6, 0.95)
    ]

    # Three standard errors of 360 bins are 3.4 points.
    assert np.mean(inside) >= 0.91


def test_the_parts_of_the_brier_score_of_four_cases_worked_by_hand():
    # Score: (0.04 + 0.04 + 0.36 + 0.04) / 4 = 0.12. The best staircase is 0, 1, 1, 1 here: no error is left.
    suspicion = Suspicion(
        np.array([False, True, True, True]), np.array([0.2, 0.8, 0.4, 0.8]), np.array(["a", "b", "c", "d"])
    )

    found = brier_parts(suspicion)

    assert found["score"] == pytest.approx(0.12)
    assert found["uncertainty"] == pytest.approx(0.25 * 0.75)
    assert found["discrimination"] == pytest.approx(0.25 * 0.75)
    assert found["miscalibration"] == pytest.approx(0.12)


def test_a_constant_answer_discriminates_nothing():
    suspicion = Suspicion(np.arange(10) < 3, np.full(10, 0.5), np.arange(10))

    found = brier_parts(suspicion)

    assert found["discrimination"] == pytest.approx(0.0)
    assert found["miscalibration"] == pytest.approx(0.04)


def test_over_confidence_is_miscalibration_and_leaves_discrimination_as_it_is():
    calibrated = draw_suspicion(np.random.default_rng(0), 2000)
    hot = Suspicion(calibrated.malignant, expit(2 * logit(calibrated.score)), calibrated.patient_ids)

    before, after = brier_parts(calibrated), brier_parts(hot)

    assert after["discrimination"] == pytest.approx(before["discrimination"])
    assert before["miscalibration"] < 0.004
    assert after["miscalibration"] > 0.007
