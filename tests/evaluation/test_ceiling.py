import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from lungml.evaluation.ceiling import beside_readers, by_reader_count
from lungml.evaluation.metrics import weighted_auprc
from lungml.evaluation.tally import check_cases
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


def by_count(readings, answers):
    """Of a model that answers with two classes; the truth is the mean of the scores a nodule has."""
    given = readings[readings["malignancy"] > 0].groupby("nodule_id")["malignancy"].mean()
    labels = (given.loc[answers["nodule_id"]] >= 3.5).to_numpy().astype(int)
    malignant = np.clip(answers["malignant"].to_numpy() / 6, 0, 1)
    cases = check_cases(labels, np.column_stack([1 - malignant, malignant]))
    patients = readings.drop_duplicates("nodule_id")["patient_id"].to_numpy()
    return by_reader_count(readings, answers["nodule_id"].to_numpy(), patients, cases, 0.95), cases


def test_nodules_of_few_readers_and_of_many_are_judged_apart():
    """Of the first 50 nodules only one reader gave a score, of the next 30 two, 0 being none."""
    readings, answers = draw(3)
    number = readings["nodule_id"].str[1:].astype(int)
    reader = readings["reading_id"].str[-1].astype(int)
    silent = ((number < 50) & (reader > 0)) | (number.between(50, 79) & (reader > 1))
    readings = readings.assign(malignancy=readings["malignancy"].where(~silent, 0))

    rows, cases = by_count(readings, answers)

    assert [(row["readers"], row["n"], row["patients"]) for row in rows] == [
        ("1", 50, 25),
        ("2", 30, 15),
        ("3 or more", 70, 35),
    ]
    first = rows[0]["weighted_auprc"]
    assert first["value"] == pytest.approx(weighted_auprc(cases.labels[:50], cases.probabilities[:50]))
    assert first["low"] < first["value"] < first["high"]


def test_where_all_labels_are_of_one_class_nothing_is_measured():
    readings, answers = draw(4)

    rows, _ = by_count(readings, answers)

    assert [(row["n"], row["weighted_auprc"] is None) for row in rows] == [(0, True), (0, True), (150, False)]
