import numpy as np
import pytest
from clustered_cases import cases_of, draw_suspicion

from lungml.evaluation.selective import ABSTENTIONS, risk_coverage, selective
from lungml.evaluation.tally import check_cases

FOUR = check_cases([0, 0, 1, 1], [[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.4, 0.6]])


def test_the_curve_of_four_cases_worked_by_hand():
    coverage, risk = risk_coverage(FOUR)

    assert coverage.tolist() == [0.25, 0.5, 0.75, 1.0]
    assert risk.tolist() == pytest.approx([0, 0, 1 / 3, 1 / 4])


def test_cases_of_equal_confidence_come_in_together():
    cases = check_cases([0, 1, 0], [[0.9, 0.1], [0.6, 0.4], [0.4, 0.6]])

    coverage, risk = risk_coverage(cases)

    assert coverage.tolist() == pytest.approx([1 / 3, 1.0])
    assert risk.tolist() == pytest.approx([0.0, 2 / 3])


def test_answering_fewer_of_a_calibrated_models_cases_never_makes_more_errors():
    cases = cases_of(draw_suspicion(np.random.default_rng(0), 20_000))

    coverage, risk = risk_coverage(cases)

    at = np.interp([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], coverage, risk)
    assert (np.diff(at) > 0).all()


def test_thresholds_come_from_validation_and_hold_on_test():
    known, test = (draw_suspicion(np.random.default_rng(seed), 3000, first=seed * 10**4) for seed in (0, 1))

    found = selective(cases_of(known), cases_of(test), test.patient_ids, 0.95)

    assert [point["abstained_on_validation"] for point in found["points"]] == list(ABSTENTIONS)
    for point in found["points"]:
        assert point["answered"]["value"] == pytest.approx(1 - point["abstained_on_validation"], abs=0.03)
    errors = [point["wrong"]["value"] for point in found["points"]]
    assert errors == sorted(errors, reverse=True)
    assert found["area"] < 0.6 * found["area_without_order"]


def test_a_confidence_that_says_nothing_gains_nothing_by_abstaining():
    rng = np.random.default_rng(0)
    labels, sure = rng.integers(0, 2, 20_000), rng.uniform(0.5, 1.0, 20_000)
    cases = check_cases(labels, np.stack([sure, 1 - sure], axis=1))

    found = selective(cases, cases, np.arange(20_000), 0.95)

    assert found["area"] == pytest.approx(found["area_without_order"], abs=0.02)
