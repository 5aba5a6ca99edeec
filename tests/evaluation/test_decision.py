import numpy as np
import pytest
from clustered_cases import DISTANCE, PREVALENCE, draw_suspicion, latent_of
from scipy.stats import norm

from lungml.evaluation.decision import THRESHOLDS, decision_curve
from lungml.evaluation.suspicion import Suspicion


def alone(malignant, score):
    ids = np.array([f"p{number}" for number in range(len(score))])
    return Suspicion(np.array(malignant, dtype=bool), np.array(score), ids)


def test_net_benefit_is_that_of_the_closed_form():
    # 100 cases at 0.8 of which 80 are malignant, 100 at 0.2 of which 20 are: calibrated.
    test = alone([1] * 80 + [0] * 20 + [1] * 20 + [0] * 80, [0.8] * 100 + [0.2] * 100)

    points = decision_curve(test, 0.95)["points"]

    for point in points:
        t = point["threshold"]
        odds = t / (1 - t)
        treat_all = 0.5 - 0.5 * odds
        expected = treat_all if t <= 0.2 else 0.4 - 0.1 * odds if t <= 0.8 else 0.0
        assert point["treat_all"] == pytest.approx(treat_all, abs=1e-9)
        assert point["model"]["value"] == pytest.approx(expected, abs=1e-9)
        assert point["model_minus_all"]["value"] == pytest.approx(expected - treat_all, abs=1e-9)
    assert [point["threshold"] for point in points] == list(THRESHOLDS)


def test_a_model_is_useful_between_the_thresholds_at_which_everyone_and_no_one_would_do():
    test = alone([1] * 80 + [0] * 20 + [1] * 20 + [0] * 80, [0.8] * 100 + [0.2] * 100)

    useful = decision_curve(test, 0.95)["useful"]

    # In truth from 0.2 to 0.8; near the ends 200 patients cannot show it.
    assert min(useful) in {0.25, 0.3}
    assert max(useful) in {0.7, 0.75}
    assert len(useful) == round((max(useful) - min(useful)) / 0.05) + 1


def test_a_model_that_says_nothing_is_never_useful():
    malignant = np.random.default_rng(0).random(300) < 0.3

    assert decision_curve(alone(malignant, np.full(300, 0.3)), 0.95)["useful"] == []


def test_intervals_hold_the_true_net_benefit_in_93_to_97_percent():
    number = THRESHOLDS.index(0.3)
    cut, odds = latent_of(0.3), 0.3 / 0.7
    truth = PREVALENCE * norm.sf(cut - DISTANCE) - (1 - PREVALENCE) * norm.sf(cut) * odds
    covered = []
    for seed in range(400):
        found = decision_curve(draw_suspicion(np.random.default_rng(seed), 100), 0.95)["points"][number]
        covered.append(found["model"]["low"] <= truth <= found["model"]["high"])

    # Two standard errors of 400 repeats are 2.2 points.
    assert 0.908 <= np.mean(covered) <= 0.992
