import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from lungml.evaluation.policy_results import OWN, under_policies
from lungml.evaluation.tally import Cases
from lungml.labels import POLICIES
from lungml.params.data import LabelParams
from lungml.terms import Target


def draw(seed=0, count=200):
    rng = np.random.default_rng(seed)
    latent = rng.normal(3, 1.2, count)
    readers = rng.integers(1, 5, count)
    scores = [
        sorted(np.clip(np.rint(value + 0.7 * rng.normal(size=number)), 1, 5).astype(int))
        for value, number in zip(latent, readers, strict=True)
    ]
    nodules = pd.DataFrame(
        {
            "nodule_id": [f"n{number}" for number in range(count)],
            "patient_id": [f"p{number // 2}" for number in range(count)],
            "scores": scores,
            "label": -1,
        }
    )
    malignant = 1 / (1 + np.exp(-2 * (latent - 3.5)))
    return nodules, Cases(np.zeros(count, dtype=np.int64), np.stack([1 - malignant, malignant], axis=1))


def judge(nodules, answers, labels=None):
    labels = labels or LabelParams()
    return under_policies(nodules, answers, target=Target.BINARY, labels=labels, confidence=0.95)


def test_every_policy_judges_the_same_answers_by_its_own_labels():
    nodules, answers = draw()

    rows = {row["policy"]: row for row in judge(nodules, answers)}

    assert list(rows) == list(POLICIES)
    means = np.array([np.mean(scores) for scores in nodules["scores"]])
    threes = np.floor(means + 0.5) == 3
    kept = rows["mean-without-threes"]
    assert kept["n"] == (~threes).sum()
    expected = roc_auc_score(means[~threes] >= 3.5, answers.probabilities[~threes, 1])
    assert kept["auroc"]["value"] == pytest.approx(expected)


def test_leaving_out_what_readers_are_unsure_of_makes_the_same_answers_look_better():
    rows = {row["policy"]: row["auroc"]["value"] for row in judge(*draw())}

    assert rows["three-readers-without-threes"] > rows["mean"] + 0.02


def test_the_models_own_policy_is_marked_also_if_it_has_no_name():
    nodules, answers = draw()
    named = judge(nodules, answers, LabelParams(aggregation="median"))
    own = judge(nodules, answers, LabelParams(min_readers=2))

    assert [row["policy"] for row in named if row["in_force"]] == ["median"]
    assert [row["policy"] for row in own if row["in_force"]] == [OWN]


def test_a_policy_that_leaves_one_class_has_no_figures():
    nodules, answers = draw()
    rare = nodules.assign(scores=[[2]] * len(nodules))

    rows = judge(rare, answers)

    assert [row["auroc"] for row in rows] == [None] * len(POLICIES)
    assert rows[-1]["n"] == 0
