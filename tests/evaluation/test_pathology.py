import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from lungml.evaluation.pathology import against_diagnoses
from lungml.evaluation.suspicion import Suspicion
from lungml.params.evaluation import EvaluateParams

PARAMS = EvaluateParams(replicates=200)

IDS = np.array(["a", "a", "b", "c", "c", "d", "e"])
SCORE = np.array([0.2, 0.9, 0.4, 0.1, 0.3, 0.8, 0.99])
NODULES = pd.DataFrame(
    {
        "diameter_mm": [5.0, 20.0, np.nan, 4.0, 9.0, 6.0, 30.0],
        "scores": [[2, 2], [4, 5], [3], [1], [2], [], [5]],
    }
)


def judge(diagnoses, score=SCORE):
    table = pd.DataFrame(diagnoses.items(), columns=["patient_id", "diagnosis"])
    return against_diagnoses(Suspicion(np.zeros(7, dtype=bool), score, IDS), NODULES, table, PARAMS)


def test_the_highest_answer_of_a_patient_counts():
    found = judge({"a": 2, "b": 1, "c": 1, "d": 3, "elsewhere": 2})

    # Highest answers: a 0.9, b 0.4, c 0.3, d 0.8; a and d are malignant.
    assert found["auroc"]["model"]["value"] == 1.0
    assert found["auroc"]["diameter"]["value"] == roc_auc_score([1, 0, 0, 1], [20, 0, 9, 6])
    assert found["auroc"]["readers"]["value"] == roc_auc_score([1, 0, 0, 1], [4.5, 3, 2, 0])
    assert (found["given"], found["patients"], found["malignant"]) == (5, 4, 2)


def test_unknown_diagnoses_are_counted_and_not_judged():
    found = judge({"a": 2, "b": 1, "e": 0})

    assert (found["unknown"], found["patients"]) == (1, 2)


def test_few_patients_are_called_few():
    rng = np.random.default_rng(0)
    ids = np.array([f"p{number:03}" for number in range(100)])
    nodules = pd.DataFrame({"diameter_mm": rng.uniform(3, 30, 100), "scores": [[3]] * 100})
    table = pd.DataFrame({"patient_id": ids, "diagnosis": 1 + np.arange(100) % 3})
    many = against_diagnoses(Suspicion(ids == "", rng.random(100), ids), nodules, table, PARAMS)

    assert judge({"a": 2, "b": 1})["small"]
    assert not many["small"]
    assert many["auroc"]["model"]["low"] < 0.5 < many["auroc"]["model"]["high"]


@pytest.mark.parametrize("diagnoses", [{"a": 2, "d": 3}, {"b": 1}, {"elsewhere": 2}])
def test_of_one_kind_alone_nothing_is_measured(diagnoses):
    assert judge(diagnoses)["auroc"] is None


def test_without_a_table_there_is_no_answer():
    assert judge({}) is None
