import numpy as np
import pytest
from scipy.stats import norm

from lungml.evaluation.delong import delong


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("decimals", [1, 12])
def test_it_is_the_published_sum_over_all_pairs_of_cases(seed, decimals):
    truth, first, second = draw(seed, decimals=decimals)

    found = delong(truth, first, second)

    areas, error = over_all_pairs(truth, first, second)
    assert (found.first, found.second) == pytest.approx(areas, abs=1e-12)
    assert found.standard_error == pytest.approx(error, abs=1e-12)
    assert found.p == pytest.approx(2 * norm.sf(abs(areas[0] - areas[1]) / error), abs=1e-10)


def test_four_cases_worked_by_hand():
    # First: 3 of 4 pairs in order; malignant 0.9 beats both benign ones, 0.6 one; so components (1, 1/2) and
    # (1, 1/2). Second: all in order: no spread. The error is that of the first, sqrt(1/8 / 2 + 1/8 / 2).
    truth = np.array([True, False, True, False])

    found = delong(truth, np.array([0.9, 0.7, 0.6, 0.1]), np.array([0.9, 0.2, 0.8, 0.1]))

    assert (found.first, found.second) == (0.75, 1.0)
    assert found.standard_error == pytest.approx(np.sqrt(1 / 8), abs=1e-12)


def test_two_models_that_rank_alike_have_no_p_value():
    truth, first, _ = draw(0)

    found = delong(truth, first, 3 * first + 1)

    assert (found.first - found.second, found.standard_error, found.p) == (0.0, 0.0, None)


def test_order_of_the_models_does_not_matter():
    truth, first, second = draw(1)

    assert delong(truth, first, second).p == delong(truth, second, first).p


def test_a_class_of_one_case_is_refused():
    with pytest.raises(ValueError, match="1 of 3 cases are positive"):
        delong(np.array([True, False, False]), np.arange(3.0), np.arange(3.0))


def over_all_pairs(truth, first, second):
    """DeLong's equations as written, in N x N steps: the two areas and the error of their difference."""
    kernels = [
        np.array([[(x > y) + 0.5 * (x == y) for y in score[~truth]] for x in score[truth]])
        for score in (first, second)
    ]
    areas = tuple(kernel.mean() for kernel in kernels)
    by_positive = np.cov([kernel.mean(axis=1) for kernel in kernels])
    by_negative = np.cov([kernel.mean(axis=0) for kernel in kernels])
    covariance = by_positive / truth.sum() + by_negative / (~truth).sum()
    contrast = np.array([1, -1])
    return areas, np.sqrt(contrast @ covariance @ contrast)


def draw(seed, decimals=12):
    rng = np.random.default_rng(seed)
    truth = rng.random(80) < 0.4
    return truth, *((truth + rng.normal(size=80)).round(decimals) for _ in range(2))
