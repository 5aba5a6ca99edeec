import numpy as np
import pytest
from clustered_models import draw_clustered

from lungml.evaluation.intervals import Interval, Jackknife, clustered_interval, jackknife
from lungml.evaluation.metrics import METRICS, metrics_for
from lungml.evaluation.tally import Cases, check_cases, tally


@pytest.mark.parametrize("classes", [2, 5])
def test_an_interval_of_100_patients_covers_the_truth_about_95_times_in_100(classes):
    covered = coverage(classes, patients=100, repeats=60, names=("weighted_auprc", "qwk", "brier"))

    # 60 repeats of a true 95 % leave [0.85, 1] once in 1,000 times.
    assert all(share >= 0.85 for share in covered.values()), covered
    assert np.mean(list(covered.values())) < 1, covered


@pytest.mark.slow
@pytest.mark.parametrize("patients", [100, 300])
@pytest.mark.parametrize("classes", [2, 5])
def test_intervals_of_every_metric_cover_the_truth_in_93_to_97_percent_of_500_repeats(classes, patients):
    covered = coverage(classes, patients=patients, repeats=500, names=tuple(metrics_for(classes)))

    # Two standard errors of a share near 95 % in 500 repeats are 2 points, on either side of [93, 97].
    assert all(0.91 <= share <= 0.99 for share in covered.values()), covered
    assert 0.93 <= np.mean(list(covered.values())) <= 0.97, covered


def test_ten_times_the_same_nodule_does_not_narrow_the_interval():
    ids, (cases,) = draw_clustered(np.random.default_rng(0), 60, classes=2)
    repeated = Cases(cases.labels.repeat(10), cases.probabilities.repeat(10, axis=0))

    once = clustered_interval(jackknife(cases, ids), "accuracy", 0.95)
    ten_times = clustered_interval(jackknife(repeated, ids.repeat(10)), "accuracy", 0.95)

    assert (ten_times.low, ten_times.high) == pytest.approx((once.low, once.high), abs=1e-12)


@pytest.mark.parametrize("classes", [2, 5])
def test_no_interval_leaves_the_range_of_its_metric_or_its_value(classes):
    for seed in range(20):
        ids, (cases,) = draw_clustered(np.random.default_rng(seed), 12, classes=classes)
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


def test_leaving_a_patient_out_is_measuring_the_others():
    ids, (cases,) = draw_clustered(np.random.default_rng(3), 15, classes=5)

    left_out: Jackknife = jackknife(cases, ids)

    others = ids != 7
    alone = tally(Cases(cases.labels[others], cases.probabilities[others]))
    for name, values in left_out.without.items():
        assert values[7] == pytest.approx(METRICS[name].value(alone)[0], abs=1e-12, nan_ok=True), name


def test_237_nodules_tell_a_weighted_auprc_of_0_885_to_within_about_0_043():
    """V29: what the seed study's number of test nodules can tell, from another simulation (validity.md)."""
    labels = (np.arange(237) < 57).astype(int)
    found = []
    for seed in range(20):
        odds = 1.5 * labels - 1.1 + np.random.default_rng(seed).normal(size=237)
        malignant = 1 / (1 + np.exp(-odds))
        cases = check_cases(labels, np.column_stack([1 - malignant, malignant]))
        found.append(clustered_interval(jackknife(cases, np.arange(237)), "weighted_auprc", 0.95))

    assert np.mean([each.value for each in found]) == pytest.approx(0.885, abs=0.01)
    assert np.mean([each.high - each.low for each in found]) / 2 == pytest.approx(0.043, abs=0.006)


def coverage(classes: int, *, patients: int, repeats: int, names: tuple[str, ...]) -> dict[str, float]:
    """Share of repeats in which the interval holds the value of 60,000 patients."""
    _, (everyone,) = draw_clustered(np.random.default_rng(2**32), 60_000, classes=classes)
    truth = {name: METRICS[name].value(tally(everyone))[0] for name in metrics_for(classes) if name in names}
    hits = []
    for seed in range(repeats):
        ids, (cases,) = draw_clustered(np.random.default_rng(seed), patients, classes=classes)
        left_out = jackknife(cases, ids, names)
        found = {name: clustered_interval(left_out, name, 0.95) for name in truth}
        hits.append([_covers(found[name], value) for name, value in truth.items()])
    assert np.isfinite(hits).mean() > 0.99
    return dict(zip(truth, np.nanmean(hits, axis=0), strict=True))


def _covers(found: Interval, value: float) -> float:
    return np.nan if found.low is None else 1.0 * (found.low <= value <= found.high)
