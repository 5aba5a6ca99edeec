import numpy as np
import pytest
from clustered_cases import draw_alike, draw_patients
from scipy.stats import norm

from lungml.evaluation.shares import by_patient, mean_interval, share, wilson

EVERYONE = np.ones(8, dtype=bool)
ALONE = np.array([f"p{number}" for number in range(8)])


def test_wilsons_bounds_are_those_of_the_textbook():
    # Newcombe 1998, doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E, table I: 81 of 263.
    assert wilson(81 / 263, 263, 0.95) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0 / 20, 20, 0.95) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_a_patients_nodules_count_together():
    hits = np.array([True, False, True, True])

    assert by_patient(hits, np.array(["b", "a", "b", "a"])).tolist() == [1.0, 2.0]


def test_a_share_says_of_how_many_cases_and_patients_it_is():
    found = share(np.array([True, False] * 4), np.arange(8) < 6, np.array(list("aabbccdd")), 0.95)

    assert (found.value, found.n, found.patients) == (0.5, 6, 3)


def test_ten_times_the_same_nodule_does_not_narrow_the_interval():
    hits = np.random.default_rng(0).random(60) < 0.7
    ids = np.array([f"p{number}" for number in range(60)])

    once = share(hits, np.ones(60, dtype=bool), ids, 0.95)
    often = share(hits.repeat(10), np.ones(600, dtype=bool), ids.repeat(10), 0.95)

    assert (often.low, often.high) == pytest.approx((once.low, once.high), abs=0.01)


def test_a_share_of_nothing_or_of_one_patient_has_no_interval():
    nobody = share(EVERYONE, ~EVERYONE, ALONE, 0.95)
    one = share(EVERYONE, EVERYONE, np.array(["p"] * 8), 0.95)

    assert (nobody.value, nobody.low, nobody.n) == (None, None, 0)
    assert (one.value, one.low, one.patients) == (1.0, None, 1)


def test_eight_of_eight_patients_are_not_certainly_all():
    found = share(EVERYONE, EVERYONE, ALONE, 0.95)

    assert found.high == 1.0
    assert found.low == pytest.approx(wilson(1.0, 8, 0.95)[0])
    assert found.low < 0.7


def test_the_interval_of_a_mean_is_students():
    values = np.array([1.0, 2.0, 4.0, 7.0, 11.0])
    without = (values.sum() - values) / 4

    found = mean_interval(values.mean(), without, 0.95)

    # Mean 5, standard error 1.8166, t of 4 degrees of freedom 2.7764.
    assert (found.low, found.high) == pytest.approx((5 - 5.0437, 5 + 5.0437), abs=1e-3)


@pytest.mark.parametrize(("patients", "truth"), [(40, 0.85), (100, 0.9), (300, 0.6)])
def test_intervals_cover_the_truth_in_93_to_97_percent(patients, truth):
    covered = []
    for seed in range(600):
        rng = np.random.default_rng(seed)
        ids = draw_patients(rng, patients)
        hits, among = draw_alike(rng, ids) < norm.ppf(truth), draw_alike(rng, ids) > 0.7
        found = share(hits, among, ids, 0.95)
        covered.append(found.low <= truth <= found.high)

    # Two standard errors of 600 repeats are 1.8 points: [93, 97] within them.
    assert 0.912 <= np.mean(covered) <= 0.988
