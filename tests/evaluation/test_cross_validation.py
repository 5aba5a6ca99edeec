import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.preprocessing import StandardScaler

from lungml.errors import InputError
from lungml.evaluation.cross_validation import answer_by_diameter, beside_diameter
from lungml.params.evaluation import EvaluateParams
from lungml.params.model import ScreenParams

PARAMS = EvaluateParams(replicates=400)
NODULES = 200


def tables(*, skill, seed=0):
    """A model whose score is the label plus noise, over `skill`, and a diameter with twice that noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(NODULES) % 2
    names = [f"n{number:03}" for number in range(NODULES)]
    patients = [f"p{number // 4:02}" for number in range(NODULES)]
    model, size = (as_probabilities(labels + rng.normal(0, noise, NODULES)) for noise in (1 / skill, 1.0))
    left_out = pd.DataFrame({"nodule_id": names, "patient_id": patients, "part": "train", "label": labels})
    left_out = left_out.assign(probabilities=list(model), probabilities_tta=list(model))
    return left_out, pd.DataFrame({"nodule_id": names, "baseline": "diameter", "probabilities": list(size)})


def as_probabilities(scores):
    chance = 1 / (1 + np.exp(-scores))
    return np.column_stack([1 - chance, chance])


def test_no_answer_of_the_diameter_comes_from_its_own_fold():
    rng = np.random.default_rng(1)
    sizes, labels, folds = rng.normal(size=(60, 1)), rng.integers(0, 2, 60), np.arange(60) % 3

    found = answer_by_diameter(sizes, labels, folds, classes=2, params=ScreenParams(inverse_penalty=10.0))

    for fold in range(3):
        kept = folds != fold
        scaler = StandardScaler().fit(sizes[kept])
        model = LogisticRegression(C=10.0).fit(scaler.transform(sizes[kept]), labels[kept])
        expected = model.predict_proba(scaler.transform(sizes[~kept]))
        assert np.allclose(found[~kept], expected, atol=1e-4)


def test_a_model_that_knows_more_than_the_diameter_is_better_with_an_interval_above_0():
    left_out, diameter = tables(skill=4)

    found = beside_diameter(left_out, diameter, PARAMS)

    gain = found["raw_minus_diameter"]["weighted_auprc"]
    assert 0 < gain["low"] < gain["value"] < gain["high"]
    assert found["words"] == {"raw": "better", "tta": "better"}
    assert (found["n"], found["patients"]) == (NODULES, NODULES // 4)


def test_the_difference_is_that_of_the_two_values_and_they_are_those_of_scikit_learn():
    left_out, diameter = tables(skill=2)

    found = beside_diameter(left_out, diameter, PARAMS)

    labels, model, size = (
        left_out["label"],
        np.stack(left_out["probabilities"]),
        np.stack(diameter["probabilities"]),
    )
    values = [
        np.mean([average_precision_score(labels == k, answers[:, k]) for k in (0, 1)])
        for answers in (model, size)
    ]
    assert found["raw"]["weighted_auprc"]["value"] == pytest.approx(values[0])
    assert found["diameter"]["weighted_auprc"]["value"] == pytest.approx(values[1])
    gain = found["tta_minus_diameter"]["weighted_auprc"]["value"]
    assert gain == pytest.approx(values[0] - values[1])


def test_the_order_of_the_diameters_answers_changes_nothing():
    left_out, diameter = tables(skill=2)

    shuffled = diameter.sample(frac=1, random_state=3)

    assert beside_diameter(left_out, shuffled, PARAMS) == beside_diameter(left_out, diameter, PARAMS)


def test_answers_to_other_nodules_are_refused():
    left_out, diameter = tables(skill=2)

    with pytest.raises(InputError, match="dvc repro baselines"):
        beside_diameter(left_out, diameter.iloc[1:], PARAMS)
