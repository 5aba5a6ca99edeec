"""Crops unlike those of train are called so, and the usual ones are answered."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from phantom_views import phantom_views
from predicted_crops import ABSTAINING, SCORES, TASKS, change_archive, predict

from lungml.bundle import read_bundle, write_bundle
from lungml.terms import Task

pytest_plugins = ["crops_project"]

GROSS = {
    "another organ": lambda old: np.tile(heart_crops(), (8, 1, 1)),
    "inverted": lambda old: (-600 - np.clip(old["hu"], -1000, 400)).astype(np.int16),
    "blank": lambda old: np.full_like(old["hu"], -1000),
    "shifted": lambda old: (old["hu"] + 1024).astype(np.int16),
    "noise": lambda old: np.random.default_rng(0).integers(-1000, 400, old["hu"].shape, dtype=np.int16),
}


def heart_crops():
    """(6, 21, 21): what lies in the middle of the chest of six phantom patients."""
    _, organs = phantom_views(6)
    return organs[:, 21:42, 21:42].astype(np.int16)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("case", GROSS)
def test_grossly_wrong_crops_are_called_out_of_distribution_and_all_are_written(trained, given, task, case):
    change_archive(hu=GROSS[case])(given)

    found = predict(given, trained / "models" / task)

    assert len(found) == len(SCORES)
    assert found["p_malignant"].between(0, 1).all()
    assert found["out_of_distribution"].mean() >= 0.95


@pytest.mark.parametrize("task", TASKS)
def test_most_usual_crops_are_answered(trained, given, task):
    found = predict(given, trained / "models" / task)

    assert found["out_of_distribution"].mean() <= 0.25
    assert found["distance"].median() == pytest.approx(0.0, abs=1.0)


def test_the_larger_the_share_to_abstain_from_the_more_are_called_out_of_distribution(trained, given, capsys):
    model = trained / "models" / Task.NODULE_FIVE

    few, many = (predict(given, model, "--abstention", share) for share in ("0.05", "0.45"))

    assert set(few.index[few["out_of_distribution"]]) < set(many.index[many["out_of_distribution"]])
    assert few["distance"].tolist() == many["distance"].tolist()


def test_the_project_says_how_many_to_abstain_from(trained, given, tmp_path, monkeypatch):
    model = trained / "models" / Task.NODULE_FIVE
    shipped = (Path(__file__).parents[2] / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(shipped.replace("abstention: 0.05", "abstention: 0.45"))
    expected = predict(given, model, "--abstention", "0.45")
    monkeypatch.chdir(tmp_path)

    pd.testing.assert_frame_equal(predict(given, model), expected)


def test_a_model_of_an_older_lungml_answers_and_says_that_it_cannot_abstain(trained, given, tmp_path):
    folder = trained / "models" / Task.NODULE_FIVE
    write_bundle(tmp_path / "older", replace(read_bundle(folder), usual=None))

    found = predict(given, tmp_path / "older")

    assert list(found)[-2:] == ABSTAINING
    assert found[ABSTAINING].isna().to_numpy().all()
    pd.testing.assert_frame_equal(
        found.drop(columns=ABSTAINING), predict(given, folder).drop(columns=ABSTAINING)
    )
