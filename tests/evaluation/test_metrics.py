import math
from functools import partial

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn import metrics as sk

from lungml.evaluation.metrics import METRICS, measure, metrics_for, values
from lungml.evaluation.tally import Cases, check_cases

SKLEARN = {
    "weighted_auprc": lambda y, p, _: np.sum(_shares(y, p) * _sklearn_auprc(y, p)),
    "macro_auprc": lambda y, p, _: np.mean(_sklearn_auprc(y, p)),
    "auroc": lambda y, p, _: np.mean([sk.roc_auc_score(y == k, p[:, k]) for k in range(p.shape[1])]),
    "f1_weighted": lambda y, _, c: sk.f1_score(y, c, average="weighted", zero_division=0),
    "f1_macro": lambda y, _, c: sk.f1_score(y, c, average="macro", zero_division=0),
    "accuracy": lambda y, _, c: sk.accuracy_score(y, c),
    "balanced_accuracy": lambda y, _, c: sk.balanced_accuracy_score(y, c),
    "mcc": lambda y, _, c: sk.matthews_corrcoef(y, c),
    "qwk": lambda y, _, c: sk.cohen_kappa_score(y, c, weights="quadratic"),
    "mae": lambda y, _, c: sk.mean_absolute_error(y, c),
    "mae_macro": lambda y, _, c: np.mean([sk.mean_absolute_error(y[y == k], c[y == k]) for k in range(5)]),
    "within_one": lambda y, _, c: sk.accuracy_score(np.abs(y - c) <= 1, np.ones(len(y))),
    "spearman": lambda y, p, _: spearmanr(y, (p @ np.arange(5)).round(9)).statistic,
    "brier": lambda y, p, _: sk.mean_squared_error(np.eye(p.shape[1])[y], p) * p.shape[1],
    "auprc_benign": lambda y, p, _: sk.average_precision_score(y == 0, p[:, 0]),
    "auprc_malignant": lambda y, p, _: sk.average_precision_score(y == 1, p[:, 1]),
    **{f"auprc_{k + 1}": partial(lambda k, y, p, _: sk.average_precision_score(y == k, p[:, k]), k)
       for k in range(5)},
}  # fmt: skip


CALIBRATION = {"calibration_slope", "calibration_intercept"}


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("decimals", [1, 16])
@pytest.mark.parametrize("seed", range(5))
def test_every_metric_equals_scikit_learns_with_and_without_ties(classes, decimals, seed):
    cases = draw_cases(seed, classes=classes, decimals=decimals)

    found = measure(cases)

    assert {*SKLEARN, *CALIBRATION} == set(METRICS)
    for name in metrics_for(classes).keys() - CALIBRATION:
        expected = SKLEARN[name](cases.labels, cases.probabilities, cases.predicted)
        assert found[name].value == pytest.approx(expected, abs=1e-12), name


@pytest.mark.parametrize("seed", range(3))
def test_whole_number_weights_are_the_same_as_repeated_cases(seed):
    cases = draw_cases(seed, classes=5, decimals=1)
    weights = np.random.default_rng(seed).integers(0, 4, size=(300, len(cases.labels))).astype(float)

    together = values(cases, weights)

    for row in (0, 150, 299):
        copies = np.repeat(np.arange(len(cases.labels)), weights[row].astype(int))
        repeated = measure(Cases(cases.labels[copies], cases.probabilities[copies]))
        for name, found in together.items():
            once = math.nan if repeated[name].value is None else repeated[name].value
            assert found[row] == pytest.approx(once, abs=1e-12, nan_ok=True), name


def test_chance_of_weighted_auprc_is_the_sum_of_squared_shares_of_the_seed_study():
    # Counts of the five classes in the seed study's figure; validity.md: 0.297 and 0.634.
    counts = (244, 457, 1092, 418, 152)
    five = np.repeat(np.arange(5), counts)

    chances = [
        measure(Cases(labels, np.full((len(five), classes), 1 / classes)))["weighted_auprc"].chance
        for labels, classes in ((five, 5), (five // 3, 2))
    ]

    assert chances == pytest.approx([0.297, 0.634], abs=5e-4)


@pytest.mark.parametrize("classes", [2, 5])
def test_a_constant_answer_has_skill_0_in_every_metric(classes):
    labels = draw_cases(0, classes=classes).labels
    shares = np.bincount(labels, minlength=classes) / len(labels)

    found = measure(Cases(labels, np.tile(shares, (len(labels), 1))))

    skills = {name: result.skill for name, result in found.items() if name not in CALIBRATION}
    assert skills == pytest.approx(dict.fromkeys(skills, 0.0))
    assert found["calibration_intercept"].value == pytest.approx(0.0, abs=1e-12)
    assert found["calibration_slope"].value is None


@pytest.mark.parametrize("classes", [2, 5])
def test_a_perfect_model_has_skill_1_in_every_metric(classes):
    labels = draw_cases(0, classes=classes).labels

    found = measure(Cases(labels, np.eye(classes)[labels]))

    skills = {name: result.skill for name, result in found.items() if name not in CALIBRATION}
    assert skills == pytest.approx(dict.fromkeys(skills, 1.0))


def test_answering_in_reverse_order_turns_the_sign_of_qwk():
    labels = np.repeat(np.arange(5), 4)

    assert measure(Cases(labels, np.eye(5)[labels]))["qwk"].value == pytest.approx(1.0)
    assert measure(Cases(labels, np.eye(5)[4 - labels]))["qwk"].value == pytest.approx(-1.0)


def test_being_off_by_four_is_worse_than_being_off_by_one():
    labels = np.array([0, 0, 1, 2, 3, 4])
    by_one, by_four = (np.eye(5)[np.r_[wrong, labels[1:]]] for wrong in (1, 4))

    near, far = measure(Cases(labels, by_one)), measure(Cases(labels, by_four))

    assert near["accuracy"].value == far["accuracy"].value
    assert near["mae"].value == pytest.approx(1 / 6)
    assert far["mae"].value == pytest.approx(4 / 6)
    assert near["qwk"].value > far["qwk"].value


def test_what_one_class_leaves_undefined_is_none_and_never_nan():
    found = measure(binary([0, 0, 0], [0.1, 0.2, 0.7]))

    assert found["auroc"].value is None
    assert found["mcc"].value is None
    assert found["balanced_accuracy"].value is None
    assert found["weighted_auprc"].value == 1.0
    assert found["weighted_auprc"].skill is None
    assert found["accuracy"].value == pytest.approx(2 / 3)


def test_a_class_without_cases_is_left_out_of_the_macro_means():
    cases = draw_cases(1, classes=5)
    kept = cases.labels != 4
    labels, probabilities = cases.labels[kept], cases.probabilities[kept]

    found = measure(Cases(labels, probabilities))

    areas = [sk.roc_auc_score(labels == k, probabilities[:, k]) for k in range(4)]
    assert found["auroc"].value == pytest.approx(np.mean(areas), abs=1e-12)
    assert found["macro_auprc"].chance == pytest.approx(1 / 4, abs=1e-12)


@pytest.mark.parametrize(
    ("labels", "probabilities", "says"),
    [
        ([], np.zeros((0, 2)), "no cases"),
        ([0, 2], np.full((2, 2), 0.5), "expected 0 to 1"),
        ([0, -1], np.full((2, 2), 0.5), "expected 0 to 1"),
        ([0, 1, 1], np.full((2, 2), 0.5), r"expected \(N,\) and \(N, K\)"),
        ([0, 1], [[0.5, 0.5], [math.nan, 0.5]], "1 cases have probabilities not finite"),
    ],
)
def test_what_cannot_be_judged_is_refused(labels, probabilities, says):
    with pytest.raises(ValueError, match=says):
        check_cases(labels, probabilities)


def draw_cases(seed: int, *, classes: int, decimals: int = 16) -> Cases:
    """240 cases with LIDC-like shares of classes and a model that knows something."""
    rng = np.random.default_rng(seed)
    shares = {2: (0.7, 0.3), 5: (0.1, 0.2, 0.45, 0.15, 0.1)}[classes]
    labels = rng.choice(classes, size=240, p=shares)
    logits = np.eye(classes)[labels] + rng.normal(size=(240, classes))
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return check_cases(labels, probabilities.round(decimals))


def binary(labels: list[int], malignant: list[float]) -> Cases:
    return check_cases(labels, np.column_stack([1 - np.array(malignant), malignant]))


def _shares(labels, probabilities):
    return np.bincount(labels, minlength=probabilities.shape[1]) / len(labels)


def _sklearn_auprc(labels, probabilities):
    return [sk.average_precision_score(labels == k, column) for k, column in enumerate(probabilities.T)]
