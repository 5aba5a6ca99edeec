import numpy as np
import pytest
from clustered_cases import DISTANCE, PREVALENCE, cases_of, draw_suspicion, score_of

from lungml.errors import ModelError
from lungml.evaluation.conformal import calibrate, coverage_of, sets_of
from lungml.evaluation.tally import Cases, check_cases

NAMES = ("benign", "malignant")
EXACT_RANGE = (0.863, 0.937)
"""Where 95 % of calibrations on 237 cases have their true coverage at 0.1: Beta(215, 23)."""


def alone(count, prefix="p"):
    return np.array([f"{prefix}{number:05}" for number in range(count)])


def draw_cases(seed, count):
    """Independent cases of two classes with calibrated probabilities."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(count) < PREVALENCE).astype(int)
    malignant = score_of(DISTANCE * labels + rng.normal(size=count))
    return check_cases(labels, np.stack([1 - malignant, malignant], axis=1))


def test_the_bound_is_the_order_statistic_of_split_conformal_where_each_patient_has_one_nodule():
    # 19 of a class, miscoverage 0.1: the ceil(20 * 0.9) = 18th smallest score, so the 2nd lowest probability.
    malignant = np.linspace(0.05, 0.95, 19)
    cases = check_cases(np.ones(19, dtype=int), np.stack([1 - malignant, malignant], axis=1))

    found = calibrate(cases, alone(19), 0.1)

    assert found.bounds.tolist() == pytest.approx([0.0, 0.1])
    assert found.patients.tolist() == [0, 19]


def test_nine_patients_are_the_fewest_that_can_promise_nine_tenths():
    for count, bound in ((8, 0.0), (9, 0.6)):
        cases = check_cases(np.ones(count, dtype=int), [[0.4, 0.6]] * count)

        assert calibrate(cases, alone(count), 0.1).bounds[1] == bound


def test_a_patient_with_many_nodules_weighs_as_much_as_one_with_one():
    probabilities = [[0.1, 0.9]] * 18 + [[0.7, 0.3]]
    once = calibrate(check_cases(np.ones(19, dtype=int), probabilities), alone(19), 0.1)
    ids = np.concatenate([alone(18), ["p00018"] * 50])
    many = calibrate(check_cases(np.ones(68, dtype=int), probabilities + [[0.7, 0.3]] * 49), ids, 0.1)

    assert once.bounds[1] == many.bounds[1] == 0.9


def test_coverage_of_237_cases_is_inside_the_exact_range():
    test = draw_cases(10**6, 20_000)
    covered, per_class = [], []
    for seed in range(200):
        sets = sets_of(calibrate(draw_cases(seed, 237), alone(237), 0.1), test.probabilities)
        right = sets[np.arange(len(sets)), test.labels]
        covered.append(right.mean())
        per_class.append([right[test.labels == number].mean() for number in (0, 1)])

    inside = (np.array(covered) >= EXACT_RANGE[0]) & (np.array(covered) <= EXACT_RANGE[1])
    # 95 % of 200 less three standard errors.
    assert inside.mean() >= 0.90
    assert 0.895 <= np.mean(covered) <= 0.915
    assert (np.mean(per_class, axis=0) >= 0.895).all()


def test_a_rare_class_is_covered_as_often_as_a_common_one():
    """A split that does not look at the class would cover the malignant less often than promised."""
    test = draw_cases(10**6, 20_000)
    malignant = test.labels == 1
    ours, plain = [], []
    for seed in range(50):
        known = draw_cases(seed, 237)
        sets = sets_of(calibrate(known, alone(237), 0.1), test.probabilities)
        ours.append(sets[malignant, 1].mean())
        true = known.probabilities[np.arange(237), known.labels]
        plain.append((test.probabilities[malignant, 1] >= np.sort(true)[23 - 1]).mean())

    assert np.mean(plain) < 0.8
    assert np.mean(ours) >= 0.895


def test_a_new_patients_nodule_is_covered_where_patients_with_few_nodules_are_the_hard_ones():
    """Nodules taken as exchangeable would promise 90 % and keep less, as easy patients have most nodules."""
    ours, plain = [], []
    for seed in range(60):
        known, ids, _ = hard_and_easy(seed, 150)
        test, _, weights = hard_and_easy(10**6 + seed, 3000)
        as_patients, as_nodules = calibrate(known, ids, 0.1), calibrate(known, alone(len(ids)), 0.1)
        for kept, conformal in ((ours, as_patients), (plain, as_nodules)):
            covered = sets_of(conformal, test.probabilities)[:, 1]
            kept.append(np.average(covered, weights=weights))

    assert np.mean(plain) < 0.87
    assert np.mean(ours) >= 0.895


def test_the_figures_are_of_the_sets():
    known = draw_suspicion(np.random.default_rng(0), 150)
    test = draw_suspicion(np.random.default_rng(1), 100, first=1000)
    conformal = calibrate(cases_of(known), known.patient_ids, 0.1)

    found = judged(conformal, test)

    sets = sets_of(conformal, cases_of(test).probabilities)
    right = sets[np.arange(len(sets)), test.malignant.astype(int)]
    assert found["covered"]["value"] == pytest.approx(right.mean())
    assert found["mean_size"] == pytest.approx(sets.sum(axis=1).mean())
    assert sum(found["sizes"]) == pytest.approx(1.0)
    assert [row["class"] for row in found["classes"]] == list(NAMES)
    assert found["classes"][1]["covered"]["value"] == pytest.approx(right[test.malignant].mean())


def test_sets_may_not_be_judged_on_the_patients_they_were_calibrated_on():
    known = draw_suspicion(np.random.default_rng(0), 50)

    with pytest.raises(ModelError, match="bound of the prediction sets"):
        judged(calibrate(cases_of(known), known.patient_ids, 0.1), known)


def judged(conformal, test):
    return coverage_of(
        conformal, cases_of(test), patient_ids=test.patient_ids, class_names=NAMES, confidence=0.95
    )


def hard_and_easy(seed, patients):
    """Malignant nodules only: patients with one nodule are hard, those with nine easy.

    Returns also the weight of each nodule if one of each patient is drawn.
    """
    rng = np.random.default_rng(seed)
    easy = rng.random(patients) < 0.5
    counts = np.where(easy, 9, 1)
    ids = alone(patients, f"s{seed}-").repeat(counts)
    mean = np.where(easy, 2.0, 0.0).repeat(counts)
    malignant = 1 / (1 + np.exp(-(mean + rng.normal(size=len(ids)))))
    cases = Cases(np.ones(len(ids), dtype=np.int64), np.stack([1 - malignant, malignant], axis=1))
    return cases, ids, (1 / counts).repeat(counts)
