import numpy as np
import pytest
from clustered_cases import DISTANCE, draw_suspicion, latent_of
from scipy.stats import norm

from lungml.errors import ModelError
from lungml.evaluation.operating import at_point, bayes, fix_threshold
from lungml.evaluation.suspicion import Suspicion

NAMES = ("sensitivity", "specificity", "ppv", "npv", "flagged")


def suspicion(malignant, score, prefix="test"):
    ids = np.array([f"{prefix}{number}" for number in range(len(score))])
    return Suspicion(np.array(malignant, dtype=bool), np.array(score), ids)


VAL = suspicion([1] * 10 + [0] * 5, [0.1 * n for n in range(1, 11)] + [0.05] * 5, "val")


@pytest.mark.parametrize(("wanted", "threshold"), [(0.9, 0.2), (0.95, 0.1), (0.5, 0.6), (1.0, 0.1)])
def test_the_threshold_is_the_highest_that_finds_the_wanted_share_of_validation(wanted, threshold):
    assert fix_threshold(VAL, wanted).threshold == pytest.approx(threshold)


def test_no_threshold_can_be_fixed_without_a_malignant_case():
    assert fix_threshold(suspicion([0, 0], [0.2, 0.9], "val"), 0.9) is None


def test_shares_worked_by_hand():
    test = suspicion([1, 1, 1, 1, 0, 0, 0, 0, 0, 0], [0.9, 0.8, 0.3, 0.1, 0.7, 0.2, 0.1, 0.1, 0.1, 0.0])

    found = at_point(fix_threshold(VAL, 0.9), test, prevalence=0.05, confidence=0.95)

    # At 0.2: 3 of 4 malignant found, 2 of 6 benign called malignant.
    assert [found[name]["value"] for name in NAMES] == pytest.approx([3 / 4, 4 / 6, 3 / 5, 4 / 5, 5 / 10])
    assert [found[name]["n"] for name in NAMES] == [4, 6, 5, 5, 10]
    # Bayes by hand: 0.05 * 0.75 = 0.0375 beside 0.95 / 3 = 0.31667; 0.95 * 2 / 3 = 0.6333 beside 0.0125.
    elsewhere = found["at_prevalence"]
    assert elsewhere["ppv"]["value"] == pytest.approx(0.0375 / (0.0375 + 0.95 / 3))
    assert elsewhere["npv"]["value"] == pytest.approx((0.95 * 2 / 3) / (0.95 * 2 / 3 + 0.0125))


def test_at_the_studys_own_prevalence_the_predictive_values_are_the_studys():
    test = draw_suspicion(np.random.default_rng(0), 80)

    found = at_point(
        fix_threshold(VAL, 0.9), test, prevalence=float(test.malignant.mean()), confidence=0.95
    )  # fmt: skip

    for name in ("ppv", "npv"):
        assert found["at_prevalence"][name]["value"] == pytest.approx(found[name]["value"])


def test_a_threshold_may_not_be_judged_on_the_patients_it_was_fixed_on():
    test = draw_suspicion(np.random.default_rng(0), 80)
    from_test = fix_threshold(test.only(np.arange(len(test)) < 50), 0.9)

    with pytest.raises(ModelError, match="fixed on"):
        at_point(from_test, test, prevalence=0.05, confidence=0.95)


@pytest.mark.parametrize("wanted", [0.9, 0.95])
def test_the_true_sensitivity_and_predictive_value_are_inside_their_intervals_in_93_to_97_percent(wanted):
    covered = []
    for seed in range(600):
        rng = np.random.default_rng(seed)
        point = fix_threshold(draw_suspicion(rng, 80), wanted)
        found = at_point(
            point, draw_suspicion(rng, 120, first=1000), prevalence=0.05, confidence=0.95
        )  # fmt: skip
        cut = latent_of(point.threshold)
        sensitivity, false = norm.sf(cut - DISTANCE), norm.sf(cut)
        truth = {
            "sensitivity": sensitivity,
            "specificity": 1 - false,
            "ppv": bayes(np.array([sensitivity]), np.array([false]), 0.05)[0],
        }
        shown = {**found, "ppv": found["at_prevalence"]["ppv"]}
        covered.append([shown[name]["low"] <= value <= shown[name]["high"] for name, value in truth.items()])

    # Two standard errors of 600 repeats are 1.8 points: [93, 97] within them.
    assert all(0.912 <= part <= 0.988 for part in np.mean(covered, axis=0)), np.mean(covered, axis=0)


def test_where_no_benign_case_is_called_malignant_the_predictive_value_is_not_certain():
    test = suspicion([1] * 30 + [0] * 30, [0.9] * 30 + [0.0] * 30)

    elsewhere = at_point(fix_threshold(VAL, 0.9), test, prevalence=0.05, confidence=0.95)["at_prevalence"]

    # 0 of 30 leaves up to 11 % false alarms: among 5 % malignant, most of those called so may be benign.
    assert elsewhere["ppv"]["value"] == 1.0
    assert elsewhere["ppv"]["low"] < 0.35
    assert elsewhere["ppv"]["high"] == 1.0
