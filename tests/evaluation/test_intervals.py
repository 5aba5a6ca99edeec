import numpy as np
import pytest
from scipy.stats import norm, ttest_rel

from lungml.evaluation.intervals import Jackknife, clustered_interval, jackknife, paired_interval
from lungml.evaluation.metrics import METRICS, metrics_for
from lungml.evaluation.tally import Cases, check_cases, tally

SHARES = {2: (0.7, 0.3), 5: (0.1, 0.19, 0.46, 0.18, 0.07)}


@pytest.mark.parametrize("classes", [2, 5])
def test_an_interval_of_100_patients_covers_the_truth_about_95_times_in_100(classes):
    covered = coverage(classes, patients=100, repeats=120)

    # 120 repeats of a true 95 % leave [0.88, 0.99] fewer than once in 1,000 times.
    assert all(0.88 <= share <= 0.99 for share in covered.values()), covered


@pytest.mark.slow
@pytest.mark.parametrize("patients", [40, 100, 300])
@pytest.mark.parametrize("classes", [2, 5])
def test_intervals_cover_the_truth_in_93_to_97_percent_of_500_repeats(classes, patients):
    covered = coverage(classes, patients=patients, repeats=500)

    # Two standard errors of a share near 95 % in 500 repeats are 2 points: [93, 97] within them.
    assert all(0.92 <= share <= 0.98 for share in covered.values()), covered
    assert 0.93 <= np.mean(list(covered.values())) <= 0.97, covered


@pytest.mark.slow
@pytest.mark.parametrize("patients", [40, 100])
def test_two_equally_good_models_are_called_different_in_3_to_7_percent_of_1000_pairs(patients):
    wrong = []
    for seed in range(1000):
        ids, (first, second) = draw(np.random.default_rng(seed), patients, classes=2, models=2)
        pair = jackknife(first, ids), jackknife(second, ids)
        found = [paired_interval(*pair, name, 0.95) for name in ("weighted_auprc", "auroc")]
        wrong.append([not interval.low <= 0 <= interval.high for interval in found])

    assert all(0.03 <= share <= 0.07 for share in np.mean(wrong, axis=0)), np.mean(wrong, axis=0)


def test_ten_times_the_same_nodule_does_not_narrow_the_interval():
    ids, (cases,) = draw(np.random.default_rng(0), 60, classes=2)
    repeated = Cases(cases.labels.repeat(10), cases.probabilities.repeat(10, axis=0))

    once = clustered_interval(jackknife(cases, ids), "accuracy", 0.95)
    ten_times = clustered_interval(jackknife(repeated, ids.repeat(10)), "accuracy", 0.95)

    assert (ten_times.low, ten_times.high) == pytest.approx((once.low, once.high), abs=1e-12)


def test_the_paired_difference_of_accuracies_is_the_paired_t_test_where_each_patient_has_one_nodule():
    _, (first, second) = draw(np.random.default_rng(1), 50, classes=2, models=2)
    first, second = (Cases(cases.labels[:50], cases.probabilities[:50]) for cases in (first, second))
    expected = ttest_rel(*(1.0 * (cases.predicted == cases.labels) for cases in (first, second)))

    found = paired_interval(*(jackknife(cases, np.arange(50)) for cases in (first, second)), "accuracy", 0.9)

    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval(0.9)), abs=1e-12)


@pytest.mark.parametrize("classes", [2, 5])
def test_no_interval_leaves_the_range_of_its_metric_or_its_value(classes):
    for seed in range(20):
        ids, (cases,) = draw(np.random.default_rng(seed), 12, classes=classes)
        left_out = jackknife(cases, ids)
        for name, metric in metrics_for(classes).items():
            found = clustered_interval(left_out, name, 0.95)
            if found.low is not None:
                assert metric.limits[0] <= found.low <= found.value <= found.high <= metric.limits[1], name


def test_a_perfect_model_of_few_patients_is_not_called_certainly_perfect():
    labels = np.array([0, 0, 1, 1, 0, 1, 0, 1])

    found = clustered_interval(jackknife(Cases(labels, np.eye(2)[labels]), np.arange(8)), "accuracy", 0.95)

    # Clopper and Pearson: 8 of 8 leaves everything above 0.025 ** (1 / 8) = 0.631.
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.6306, abs=1e-4)


def test_no_interval_is_given_where_one_patient_holds_all_malignant_nodules():
    cases = check_cases([0, 0, 0, 1], [[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8]])

    found = clustered_interval(jackknife(cases, ["a", "b", "c", "d"]), "auroc", 0.95)

    assert (found.value, found.low, found.high) == (1.0, None, None)


def test_models_judged_on_other_cases_cannot_be_paired():
    ids, (cases,) = draw(np.random.default_rng(0), 20, classes=2)
    flipped = Cases(1 - cases.labels, cases.probabilities)

    with pytest.raises(ValueError, match="same cases"):
        paired_interval(jackknife(cases, ids), jackknife(flipped, ids), "auroc", 0.95)


def test_leaving_a_patient_out_is_measuring_the_others():
    ids, (cases,) = draw(np.random.default_rng(3), 15, classes=5)

    left_out: Jackknife = jackknife(cases, ids)

    others = ids != 7
    alone = tally(Cases(cases.labels[others], cases.probabilities[others]))
    for name, values in left_out.without.items():
        assert values[7] == pytest.approx(METRICS[name].value(alone)[0], abs=1e-12), name


def coverage(classes: int, *, patients: int, repeats: int) -> dict[str, float]:
    """Share of repeats in which the interval holds the value of 60,000 patients, for the two rank metrics."""
    names = ("weighted_auprc", "auroc")
    _, (everyone,) = draw(np.random.default_rng(2**32), 60_000, classes=classes)
    truth = {name: METRICS[name].value(tally(everyone))[0] for name in names}
    hits = []
    for seed in range(repeats):
        ids, (cases,) = draw(np.random.default_rng(seed), patients, classes=classes)
        left_out = jackknife(cases, ids)
        found = {name: clustered_interval(left_out, name, 0.95) for name in names}
        hits.append([found[name].low <= truth[name] <= found[name].high for name in names])
    return dict(zip(names, np.mean(hits, axis=0), strict=True))


def draw(rng, patients: int, *, classes: int, models: int = 1) -> tuple[np.ndarray, list[Cases]]:
    """Patients of 1 to 9 nodules that share half of the variance of malignancy and of a model's errors."""
    ids = np.repeat(np.arange(patients), 1 + np.minimum(rng.poisson(1.3, patients), 8))
    malignancy = np.sqrt(0.5) * (rng.normal(size=patients)[ids] + rng.normal(size=len(ids)))
    cuts = norm.ppf(np.cumsum(SHARES[classes])[:-1])
    labels = np.searchsorted(cuts, malignancy)
    edges = np.r_[-np.inf, 1.2 * cuts, np.inf]
    judged = []
    for _ in range(models):
        score = malignancy + 0.6 * (rng.normal(size=patients)[ids] + rng.normal(size=len(ids)))
        judged.append(Cases(labels, np.diff(norm.cdf((edges - score[:, None]) / 0.85), axis=1)))
    return ids, judged
