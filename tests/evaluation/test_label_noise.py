import numpy as np
import pytest
from clustered_cases import draw_suspicion
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict

from lungml.evaluation.label_noise import DISPUTED, suspicious_labels, without_disputed
from lungml.evaluation.tally import Cases, check_cases


@pytest.mark.parametrize("classes", [2, 5])
def test_of_ten_percent_flipped_labels_most_of_the_first_hundred_are_found(classes):
    rng = np.random.default_rng(classes)
    labels = rng.integers(0, classes, 1500)
    features = 1.8 * np.eye(classes)[labels] + rng.normal(size=(1500, classes))
    flipped = rng.random(1500) < 0.1
    given = np.where(flipped, (labels + rng.integers(1, classes, 1500)) % classes, labels)
    answers = cross_val_predict(LogisticRegression(), features, given, cv=5, method="predict_proba")

    found = suspicious_labels(Cases(given, answers))

    assert flipped[found["row"][:100]].mean() >= 0.6
    chance = flipped.mean()
    assert flipped[found["row"]].mean() > 3 * chance


def test_a_row_says_what_was_given_and_what_the_model_would_say():
    sure = [[0.95, 0.05]] * 20 + [[0.05, 0.95]] * 20
    cases = check_cases([0] * 19 + [1] + [1] * 20, sure)

    found = suspicious_labels(cases)

    assert found.to_dict("records") == [
        {
            "row": 19,
            "given": 1,
            "suggested": 0,
            "given_probability": 0.05,
            "suggested_probability": 0.95,
        }
    ]


def test_labels_that_the_model_agrees_with_are_not_suspicious():
    assert suspicious_labels(check_cases([0, 1] * 10, [[0.9, 0.1], [0.1, 0.9]] * 10)).empty


def test_a_class_without_cases_and_a_single_class_are_no_error():
    probabilities = np.tile([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]], (10, 1))

    assert suspicious_labels(check_cases([0, 2] * 10, probabilities)).empty
    assert suspicious_labels(check_cases([0] * 19 + [2], probabilities)).shape[0] < 19
    assert suspicious_labels(check_cases([0] * 20, probabilities)).empty


def test_the_most_disputed_nodules_are_left_out_first():
    """Where the readers agree the model is right, where they do not it guesses."""
    rng = np.random.default_rng(0)
    test = draw_suspicion(rng, 150)
    disputed = rng.random(len(test)) < 0.2
    score = np.where(
        disputed, rng.random(len(test)), 0.2 + 0.6 * test.malignant + 0.1 * rng.random(len(test))
    )
    agreed = np.where(test.malignant, 4, 2)
    scores = [[1, 5] if doubt else [one, one] for doubt, one in zip(disputed, agreed, strict=True)]

    found = without_disputed(type(test)(test.malignant, score, test.patient_ids), scores, 0.95)

    values = [point["auroc"]["value"] for point in found["points"]]
    assert [point["left_out"] for point in found["points"]] == list(DISPUTED)
    assert values == sorted(values)
    assert values[-1] == 1.0
    assert found["judged_by_two"] == len(test)


def test_a_nodule_with_one_reader_is_never_left_out_as_disputed():
    test = draw_suspicion(np.random.default_rng(0), 30)

    found = without_disputed(test, [[3]] * len(test), 0.95)

    assert found["judged_by_two"] == 0
    assert {point["n"] for point in found["points"]} == {len(test)}
