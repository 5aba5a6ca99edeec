"""Every metric on cases small enough to work out on paper; the sums are beside them."""

from math import log, sqrt

import numpy as np
import pytest

from lungml.evaluation.metrics import Measure, measure
from lungml.evaluation.tally import Cases, check_cases


def decided(labels: list[int], predicted: list[int], classes: int) -> Cases:
    """Answers without any doubt."""
    return check_cases(labels, np.eye(classes)[predicted])


def stated(labels: list[int], malignant: list[float]) -> Cases:
    """Two classes and the probability of the second."""
    return check_cases(labels, np.column_stack([1 - np.array(malignant), malignant]))


# 7 benign, 5 of them called benign; 3 malignant, 2 of them called malignant.
TWO = decided([0] * 7 + [1] * 3, [0] * 5 + [1] * 2 + [1] * 2 + [0], 2)
# Distances 0 1 0 0 2 1. By true class: 0; 1; 0 and 1; 0; 2. Predicted counts 1 1 3 1 0, true ones 1 1 2 1 1.
FIVE = decided([0, 1, 2, 3, 4, 2], [0, 2, 2, 3, 2, 1], 5)
# In falling order malignant, benign, malignant, benign; the benign order is its mirror image.
ORDER = stated([1, 0, 1, 0], [0.9, 0.7, 0.6, 0.1])
# Equal answers: one threshold, where recall jumps from 0 to 1.
EQUAL = stated([1, 0, 0, 0], [0.3] * 4)
# Stated 0.2 where 1 of 4 is malignant, and 0.8 where 2 of 4 are.
ODDS = stated([1, 0, 0, 0, 1, 1, 0, 0], [0.2] * 4 + [0.8] * 4)
# The class in the middle of five for all.
THREE = decided([0, 1, 1, 2, 2, 2, 3, 4], [2] * 8, 5)

WORKED = [
    (TWO, "accuracy", 7 / 10),
    (TWO, "balanced_accuracy", (5 / 7 + 2 / 3) / 2),
    (TWO, "f1_macro", (10 / 13 + 4 / 7) / 2),
    (TWO, "f1_weighted", 0.7 * 10 / 13 + 0.3 * 4 / 7),
    (TWO, "mcc", (2 * 5 - 2 * 1) / sqrt(4 * 3 * 7 * 6)),
    (TWO, "brier", 2 * 3 / 10),
    (TWO, "auroc", (5 / 7 * 2 / 3 + 0.5 * (5 / 7 * 1 / 3 + 2 / 7 * 2 / 3))),
    # Thresholds at 1 and 0: 2 of 3 found at precision 2/4, the rest at 3/10.
    (TWO, "auprc_malignant", 2 / 3 * 2 / 4 + 1 / 3 * 3 / 10),
    (TWO, "auprc_benign", 5 / 7 * 5 / 6 + 2 / 7 * 7 / 10),
    (FIVE, "accuracy", 3 / 6),
    (FIVE, "within_one", 5 / 6),
    (FIVE, "mae", 4 / 6),
    (FIVE, "mae_macro", (0 + 1 + 0.5 + 0 + 2) / 5),
    (FIVE, "balanced_accuracy", (1 + 0 + 1 / 2 + 1 + 0) / 5),
    (FIVE, "f1_macro", (1 + 0 + 2 / 5 + 1 + 0) / 5),
    (FIVE, "f1_weighted", (1 + 0 + 2 * 2 / 5 + 1 + 0) / 6),
    # Squared distances 0 1 0 0 4 1; by chance (6 (34 + 22) - 2 x 12 x 10) / 6 = 16.
    (FIVE, "qwk", 1 - 6 / 16),
    (FIVE, "mcc", (3 * 6 - 9) / sqrt((36 - 12) * (36 - 8))),
    (FIVE, "brier", 2 * 3 / 6),
    # Ranks of the classes 1 2 3.5 5 6 3.5, of the answers 1 4 4 6 4 2.
    (FIVE, "spearman", 10.5 / sqrt(17 * 15.5)),
    (FIVE, "auprc_1", 1.0),
    (FIVE, "auprc_2", 1 / 6),
    (FIVE, "auprc_3", 1 / 2 * 1 / 3 + 1 / 2 * 2 / 6),
    (FIVE, "auprc_4", 1.0),
    (FIVE, "auprc_5", 1 / 6),
    (FIVE, "macro_auprc", (1 + 1 / 6 + 1 / 3 + 1 + 1 / 6) / 5),
    (FIVE, "weighted_auprc", (1 + 1 / 6 + 2 * 1 / 3 + 1 + 1 / 6) / 6),
    # Against the rest: 1; (0 x 4/5 + 1 x 4/5 / 2); and so on, ties count half.
    (FIVE, "auroc", (1 + 0.4 + (1 / 2 * 1 / 2 + 1 / 2 * (1 / 2 + 1 / 2)) / 2 + 0.125 + 1 + 0.5) / 5),
    (ORDER, "auprc_malignant", 1 / 2 * 1 / 1 + 1 / 2 * 2 / 3),
    (ORDER, "auprc_benign", 1 / 2 * 1 / 1 + 1 / 2 * 2 / 3),
    (ORDER, "weighted_auprc", 5 / 6),
    (ORDER, "macro_auprc", 5 / 6),
    (ORDER, "auroc", 3 / 4),
    (ORDER, "brier", 2 * (0.01 + 0.49 + 0.16 + 0.01) / 4),
    (EQUAL, "auprc_malignant", 1 / 4),
    (EQUAL, "weighted_auprc", 1 / 16 + 9 / 16),
    (EQUAL, "auroc", 1 / 2),
    (EQUAL, "brier", 2 * (0.49 + 3 * 0.09) / 4),
    # 4 p = 1 for p = 1/4, whose odds are 1/3, where 3/7 was stated.
    (EQUAL, "calibration_intercept", log(7 / 9)),
    (EQUAL, "calibration_slope", None),
    # True odds 1/3 and 1 where 1/4 and 4 were stated.
    (ODDS, "calibration_slope", log(3) / log(16)),
    # 4 u / (4 + u) + 16 u / (1 + 4 u) = 3 for the factor u on the odds: 5 u u + 4.25 u - 3 = 0.
    (ODDS, "calibration_intercept", log((-4.25 + sqrt(4.25**2 + 60)) / 10)),
    (THREE, "qwk", 0.0),
    (THREE, "spearman", 0.0),
    (THREE, "mcc", 0.0),
    (THREE, "within_one", 6 / 8),
    (THREE, "mae", (2 + 1 + 1 + 0 + 0 + 0 + 1 + 2) / 8),
    (THREE, "mae_macro", (2 + 1 + 0 + 1 + 2) / 5),
    (THREE, "calibration_intercept", None),
]


@pytest.mark.parametrize(("cases", "name", "expected"), WORKED)
def test_the_value_is_the_one_worked_by_hand(cases, name, expected):
    assert measure(cases)[name].value == (None if expected is None else pytest.approx(expected, abs=1e-12))


CHANCE_AND_SKILL = [
    (TWO, "accuracy", 0.7, 0.0),
    (TWO, "weighted_auprc", 0.49 + 0.09, None),
    (FIVE, "auprc_3", 1 / 3, 0.0),
    (FIVE, "qwk", 0.0, 0.625),
    (FIVE, "within_one", 4 / 6, 1 / 2),
    (FIVE, "mae", (2 + 1 + 0 + 1 + 2 + 0) / 6, 1 - 4 / 6),
    (FIVE, "mae_macro", (2 + 1 + 0 + 1 + 2) / 5, 1 - 0.7 / 1.2),
    (ORDER, "weighted_auprc", 1 / 2, 2 / 3),
    # Always answering 1/4 has (9 + 3 x 1) / 16 x 2 / 4 = 3/8.
    (EQUAL, "brier", 3 / 8, (0.38 - 0.375) / (0 - 0.375)),
    (ODDS, "calibration_slope", None, None),
]


@pytest.mark.parametrize(("cases", "name", "chance", "skill"), CHANCE_AND_SKILL)
def test_chance_is_what_equal_answers_get_and_skill_is_counted_from_there(cases, name, chance, skill):
    found: Measure = measure(cases)[name]

    assert found.chance == (None if chance is None else pytest.approx(chance, abs=1e-12))
    if skill is not None:
        assert found.skill == pytest.approx(skill, abs=1e-12)
