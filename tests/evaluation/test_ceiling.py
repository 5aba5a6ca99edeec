import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from lungml.evaluation.ceiling import beside_readers
from lungml.params.data import LabelParams
from lungml.params.evaluation import EvaluateParams


def draw(seed, *, nodules=150, reader_noise=0.6, model_noise=0.3):
    """Readings of four readers, and a model, of the same latent malignancy; two nodules a patient."""
    rng = np.random.default_rng(seed)
    latent = rng.normal(3, 1.2, nodules)
    names = [f"n{number:04}" for number in range(nodules)]
    patients = np.repeat([f"p{number:04}" for number in range(nodules // 2)], 2)
    rows = [
        (f"{name}-{reader}", name, patient, int(np.clip(np.rint(value + reader_noise * rng.normal()), 1, 5)))
        for name, patient, value in zip(names, patients, latent, strict=True)
        for reader in range(4)
    ]
    readings = pd.DataFrame(rows, columns=["reading_id", "nodule_id", "patient_id", "malignancy"])
    seen = latent + model_noise * rng.normal(size=nodules)
    return readings, pd.DataFrame({"nodule_id": names, "malignant": seen})


def beside(readings, answers):
    return beside_readers(readings, LabelParams(), answers, EvaluateParams(replicates=200))


def test_a_reader_is_measured_against_the_other_readers():
    readings, answers = draw(0)

    found = beside(readings, answers)

    scores = readings["malignancy"].to_numpy().reshape(-1, 4)
    others = (scores.sum(axis=1, keepdims=True) - scores) / 3
    truth = np.floor(others + 0.5).ravel() >= 4
    model = answers["malignant"].to_numpy().repeat(4)
    assert found["auroc"]["reader"]["value"] == pytest.approx(roc_auc_score(truth, scores.ravel()))
    assert found["auroc"]["model"]["value"] == pytest.approx(roc_auc_score(truth, model))
    assert (found["nodules"], found["readings"]) == (150, 600)
    assert found["qwk"] is None


def test_a_model_less_noisy_than_a_reader_is_above_one_and_a_noisier_one_below():
    better, worse = (
        beside(*draw(0, model_noise=noise))["auroc"]["model_minus_reader"] for noise in (0.1, 2.0)
    )

    assert better["low"] > 0
    assert worse["high"] < 0


def test_a_model_that_answers_with_scores_has_a_kappa_too():
    readings, answers = draw(1)
    scores = np.clip(np.rint(answers["malignant"]), 1, 5).astype(int)

    found = beside(readings, answers.assign(score=scores))["qwk"]

    given = readings["malignancy"].to_numpy().reshape(-1, 4)
    others = np.floor((given.sum(axis=1, keepdims=True) - given) / 3 + 0.5).ravel().astype(int)
    expected = cohen_kappa_score(others, scores.repeat(4), weights="quadratic")
    assert found["model"]["value"] == pytest.approx(expected)


def test_readings_of_other_nodules_do_not_count_and_single_readings_neither():
    readings, answers = draw(2)

    few = beside(readings, answers.head(10))
    none = beside(readings.groupby("nodule_id").head(1), answers)

    assert few["nodules"] == 10
    assert (none["nodules"], none["auroc"]) == (0, None)
