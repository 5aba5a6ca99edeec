import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from lungml.evaluation.baselines import BASELINES, BLIND, Lesson, size_features
from lungml.evaluation.metrics import measure
from lungml.evaluation.tally import check_cases
from lungml.params.model import ScreenParams


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("classes", [2, 5])
def test_every_baseline_gives_each_new_nodule_a_distribution_over_the_classes(name, classes):
    lesson, new = draw(classes=classes)

    probabilities = BASELINES[name](lesson)

    assert probabilities.shape == (len(new), classes)
    assert probabilities.sum(axis=1) == pytest.approx(1.0)
    assert (probabilities >= 0).all()


@pytest.mark.parametrize("name", sorted(BLIND))
def test_what_does_not_look_at_the_nodule_has_no_skill_in_telling_nodules_apart(name):
    lesson, labels = draw(classes=5)

    found = measure(check_cases(labels, BASELINES[name](lesson)))

    of_ranks = ("weighted_auprc", "macro_auprc", "auroc", "qwk", "spearman", "balanced_accuracy", "mcc")
    assert [found[metric].skill for metric in of_ranks] == pytest.approx([0.0] * len(of_ranks))
    assert found["brier"].skill <= 0


def test_prevalence_answers_with_the_shares_it_knows():
    lesson = Lesson(np.zeros((4, 0)), np.array([0, 0, 0, 1]), np.zeros((1, 0)), 2, ScreenParams())

    assert BASELINES["prevalence"](lesson).tolist() == [[0.75, 0.25]]
    assert BASELINES["majority"](lesson).tolist() == [[1.0, 0.0]]


def test_one_feature_ranks_two_classes_as_it_does_by_itself():
    lesson, labels = draw(classes=2)

    malignant = BASELINES["diameter"](lesson)[:, 1]

    assert roc_auc_score(labels, malignant) == roc_auc_score(labels, lesson.new[:, 0])
    assert roc_auc_score(labels, malignant) > 0.7


def test_the_unit_of_a_feature_does_not_matter():
    lesson, _ = draw(classes=5)
    shifted = Lesson(3 * lesson.known + 1, lesson.labels, 3 * lesson.new + 1, 5, lesson.params)

    assert BASELINES["diameter"](shifted) == pytest.approx(BASELINES["diameter"](lesson), abs=1e-6)


def test_its_probabilities_mean_what_they_say():
    lesson, _ = draw(classes=2)
    again = Lesson(lesson.known, lesson.labels, lesson.known, 2, lesson.params)

    # Without class weights, a logistic regression foretells as many of each class as it has seen.
    assert BASELINES["diameter"](again)[:, 1].mean() == pytest.approx(lesson.labels.mean(), abs=1e-3)


def test_a_class_that_is_not_known_gets_probability_0():
    lesson, _ = draw(classes=5)
    kept = lesson.labels != 4
    few = Lesson(lesson.known[kept], lesson.labels[kept], lesson.new, 5, lesson.params)

    assert (BASELINES["diameter"](few)[:, 4] == 0).all()


def test_features_that_nobody_has_say_no_more_than_the_class_shares():
    nothing = np.full((4, 1), np.nan)
    lesson = Lesson(nothing, np.array([0, 0, 0, 1]), nothing[:2], 2, ScreenParams())

    assert BASELINES["diameter"](lesson).tolist() == [[0.75, 0.25]] * 2


def test_a_nodule_without_a_feature_counts_as_a_usual_one():
    known = np.log([[4.0], [5.0], [20.0], [25.0], [10.0], [10.0]])
    new = np.array([[np.nan], [np.log(10.0)]])
    lesson = Lesson(known, np.array([0, 0, 1, 1, 0, 1]), new, 2, ScreenParams())

    unknown, usual = BASELINES["diameter"](lesson)

    assert unknown == pytest.approx(usual)


def test_a_feature_that_does_not_vary_where_it_is_learnt_changes_nothing():
    lesson, _ = draw(classes=2)
    constant = np.zeros((len(lesson.known), 1)), np.ones((len(lesson.new), 1))
    known, new = (
        np.hstack([part, more]) for part, more in zip((lesson.known, lesson.new), constant, strict=True)
    )

    found = BASELINES["metadata"](Lesson(known, lesson.labels, new, 2, lesson.params))

    assert found == pytest.approx(BASELINES["metadata"](lesson), abs=1e-6)


def test_size_is_the_log_of_the_diameter_and_the_usual_one_where_it_is_not_known():
    nodules = pd.DataFrame({"diameter_mm": [np.e, np.nan]})

    assert size_features(nodules, np.e**2)[:, 0] == pytest.approx([1.0, 2.0])


def draw(*, classes: int) -> tuple[Lesson, np.ndarray]:
    """150 known nodules, the malignant ones larger on average, and as many to answer with their labels."""
    rng = np.random.default_rng(0)
    shares = {2: (0.7, 0.3), 5: (0.1, 0.2, 0.45, 0.15, 0.1)}[classes]
    labels = rng.choice(classes, size=300, p=shares)
    log_mm = 2 + labels / (classes - 1) + 0.5 * rng.normal(size=300)
    known, new = log_mm[:150, None], log_mm[150:, None]
    return Lesson(known, labels[:150], new, classes, ScreenParams()), labels[150:]
