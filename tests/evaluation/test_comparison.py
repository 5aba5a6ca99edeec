import numpy as np
import pytest
from clustered_models import draw_clustered
from scipy.stats import ttest_rel

from lungml.evaluation.bootstrap import draw_patients, resample
from lungml.evaluation.comparison import compare, holm, in_words
from lungml.evaluation.tally import Cases, check_cases


@pytest.mark.slow
@pytest.mark.parametrize(("patients", "classes"), [(40, 2), (100, 2), (100, 5)])
def test_two_equally_good_models_are_called_different_in_3_to_7_percent_of_1000_pairs(patients, classes):
    names = ("weighted_auprc", "auroc", "brier")
    p_values = []
    for seed in range(1000):
        ids, pair = draw_clustered(np.random.default_rng(seed), patients, classes=classes, models=2)
        draws = draw_patients(ids, 500, seed)
        first, second = (resample(cases, draws, names) for cases in pair)
        p_values.append([compare(first, second, name, 0.95).p for name in names])

    wrong = (np.array(p_values) < 0.05).mean(axis=0)

    assert all(0.03 <= share <= 0.07 for share in wrong), wrong


@pytest.mark.slow
def test_a_difference_of_the_smallest_size_is_shown_about_8_times_in_10():
    # The worse model is the better one with noise; its true loss is that of 20,000 patients.
    _, (good, bad) = noisy_pair(np.random.default_rng(2**32), 20_000)
    everyone = draw_patients(np.arange(len(good.labels)), 1, 0)
    truth = np.subtract(*(resample(cases, everyone, ("auroc",)).whole["auroc"] for cases in (good, bad)))
    found = [compared(*noisy_pair(np.random.default_rng(seed), 100), seed) for seed in range(400)]

    smallest = np.mean([each.smallest for each in found])
    shown = np.mean([each.p < 0.05 for each in found])

    # The test part is of the size at which the true loss is nearly the smallest one that it can show.
    assert truth == pytest.approx(smallest, rel=0.1)
    assert shown == pytest.approx(0.8, abs=0.08)


def test_the_difference_of_accuracies_is_the_paired_t_test_where_each_patient_has_one_nodule():
    _, pair = draw_clustered(np.random.default_rng(1), 60, classes=2, models=2)
    first, second = (Cases(cases.labels[:60], cases.probabilities[:60]) for cases in pair)
    expected = ttest_rel(*(1.0 * (cases.predicted == cases.labels) for cases in (first, second)))
    draws = draw_patients(np.arange(60), 20_000, 0)

    found = compare(*(resample(cases, draws, ("accuracy",)) for cases in (first, second)), "accuracy", 0.9)

    low, high = expected.confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.02 * (high - low))
    assert found.p == pytest.approx(expected.pvalue, abs=0.02)


def test_ten_times_the_same_nodules_show_no_more_than_once():
    ids, pair = draw_clustered(np.random.default_rng(0), 60, classes=2, models=2)
    ten = [Cases(cases.labels.repeat(10), cases.probabilities.repeat(10, axis=0)) for cases in pair]

    once, ten_times = (
        compare(*(resample(cases, draws, ("accuracy",)) for cases in models), "accuracy", 0.95)
        for models, draws in (
            (pair, draw_patients(ids, 200, 3)),
            (ten, draw_patients(ids.repeat(10), 200, 3)),
        )
    )

    assert (ten_times.low, ten_times.high) == pytest.approx((once.low, once.high), abs=1e-12)


def test_a_model_is_not_different_from_itself():
    ids, (cases,) = draw_clustered(np.random.default_rng(0), 30, classes=5)
    same = resample(cases, draw_patients(ids, 100, 0))

    found = compare(same, same, "weighted_auprc", 0.95)

    assert (found.value, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)
    assert in_words(found.value, found.p, 0.95) == "no difference shown"


def test_nothing_is_said_where_most_draws_leave_a_class_out():
    cases = check_cases([0, 0, 0, 1], [[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8]])
    other = check_cases([0, 0, 0, 1], [[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.6, 0.4]])
    draws = draw_patients(["a", "b", "c", "d"], 200, 0)

    found = compare(resample(cases, draws), resample(other, draws), "auroc", 0.95)

    assert found.value > 0
    assert (found.low, found.high, found.p, found.smallest) == (None, None, None, None)
    assert in_words(found.value, found.p, 0.95) == "too few patients to compare"


def test_models_on_other_cases_or_draws_are_not_compared():
    ids, (cases,) = draw_clustered(np.random.default_rng(0), 20, classes=2)
    flipped = Cases(1 - cases.labels, cases.probabilities)
    draws = draw_patients(ids, 20, 0)

    for second in (resample(flipped, draws), resample(cases, draw_patients(ids, 20, 1))):
        with pytest.raises(ValueError, match="same cases and the same draws"):
            compare(resample(cases, draws), second, "auroc", 0.95)


def test_holm_on_four_p_values_worked_by_hand():
    # 4 x 0.01, 3 x 0.015, 2 x 0.03, 1 x 0.04, each at least as large as the one before.
    raised = holm({"b": 0.03, "a": 0.01, "none": None, "d": 0.04, "c": 0.015})

    assert raised == {"a": 0.04, "c": 0.045, "b": 0.06, "d": 0.06, "none": None}


def test_holm_never_raises_a_p_value_above_1():
    assert holm({"a": 0.6, "b": 0.9}) == {"a": 1.0, "b": 1.0}


@pytest.mark.parametrize(
    ("value", "p", "words"),
    [
        (0.02, 0.049, "better"),
        (-0.02, 0.049, "worse"),
        (0.2, 0.051, "no difference shown"),
        (None, None, "too few patients to compare"),
    ],
)
def test_only_a_small_p_value_makes_a_claim(value, p, words):
    assert in_words(value, p, 0.95) == words


def noisy_pair(rng, patients):
    """Patients, and a model beside the same model with errors of its own."""
    ids, (cases, other) = draw_clustered(rng, patients, classes=2, models=2)
    odds = cases.odds + 0.7 * np.abs(other.odds).mean() * rng.normal(size=len(ids))
    malignant = 1 / (1 + np.exp(-odds))
    return ids, (cases, Cases(cases.labels, np.column_stack([1 - malignant, malignant])))


def compared(ids, pair, seed):
    draws = draw_patients(ids, 300, seed)
    return compare(*(resample(cases, draws, ("auroc",)) for cases in pair), "auroc", 0.95)
