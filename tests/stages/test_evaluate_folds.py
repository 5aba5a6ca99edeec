"""A model that was trained on validation too is judged by what its members say of the folds they left out."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from evaluated_runs import metrics_of, run
from small_cohort import make_bundle, save_bundle, write_cohort

from lungml.errors import MissingInputError
from lungml.evaluation.answers import labelled
from lungml.tables import PREDICTIONS, SPLIT, read_table, write_table
from lungml.terms import Target, Task


def overconfident(rows):
    """Answers of which a fifth is wrong, each given as nearly certain."""
    right = np.arange(len(rows)) % 5 != 0
    label = np.where(right, rows["label"], 1 - rows["label"])
    return list(np.where(np.eye(2)[label] == 1, 0.999, 0.001))


def fold_ensemble(tmp_path, cohort):
    """A model that was trained on validation too, and what its members say of the folds they left out."""
    bundle = save_bundle(tmp_path, replace(make_bundle(cohort), history={"fit": "folds"}))
    rows = labelled(read_table(cohort.split, SPLIT).query("part != 'test'"), Target.BINARY)
    answers = rows.assign(probabilities=overconfident(rows), probabilities_tta=overconfident(rows))
    write_table(tmp_path / "log" / "out_of_fold.parquet", answers, PREDICTIONS)
    return bundle, answers


def test_a_model_that_was_trained_on_validation_is_calibrated_on_answers_of_members_that_left_it_out(
    tmp_path,
):
    cohort = write_cohort(tmp_path / "cohort")
    bundle, answers = fold_ensemble(tmp_path, cohort)

    run(Task.NODULE_BINARY, cohort, bundle, tmp_path / "out")

    predictions = read_table(tmp_path / "out" / "predictions.parquet", PREDICTIONS)
    known = predictions[predictions["part"] != "test"].reset_index(drop=True)
    pd.testing.assert_frame_equal(known, answers)
    found = metrics_of(tmp_path / "out")["calibration"]
    # it makes 51 of 64, the share of right answers, of 0.999
    assert found["temperature"] == pytest.approx(np.log(0.999 / 0.001) / np.log(51 / 13), rel=1e-4)
    assert found["fitted_on"] == len(answers) == 64


def test_a_model_of_folds_stands_beside_the_diameter_out_of_fold_too(tmp_path, capsys):
    cohort = write_cohort(tmp_path / "cohort")
    bundle, answers = fold_ensemble(tmp_path, cohort)

    run(Task.NODULE_BINARY, cohort, bundle, tmp_path / "out")

    found = metrics_of(tmp_path / "out")["cross_validated"]
    right = np.mean(np.stack(answers["probabilities"]).argmax(axis=1) == answers["label"])
    assert found["n"] == found["with_diameter"] == len(answers)
    assert found["raw"]["accuracy"]["value"] == pytest.approx(right)
    assert found["raw_minus_diameter"]["accuracy"]["value"] == pytest.approx(
        right - found["diameter"]["accuracy"]["value"]
    )
    assert f"Out of fold, {len(answers)} nodules" in capsys.readouterr().err


def test_test_predictions_are_the_models_own_whatever_it_was_trained_on(tmp_path):
    cohort = write_cohort(tmp_path / "cohort")
    run(Task.NODULE_BINARY, cohort, save_bundle(tmp_path, make_bundle(cohort)), tmp_path / "before")
    bundle, _ = fold_ensemble(tmp_path, cohort)

    run(Task.NODULE_BINARY, cohort, bundle, tmp_path / "out")

    before, after = (
        read_table(tmp_path / name / "predictions.parquet", PREDICTIONS).query("part == 'test'")
        for name in ("before", "out")
    )
    pd.testing.assert_frame_equal(before.reset_index(drop=True), after.reset_index(drop=True))


def test_a_model_that_was_trained_on_validation_is_not_calibrated_without_those_answers(tmp_path):
    cohort = write_cohort(tmp_path / "cohort")
    bundle, _ = fold_ensemble(tmp_path, cohort)
    (tmp_path / "log" / "out_of_fold.parquet").unlink()

    with pytest.raises(MissingInputError, match=r"out_of_fold\.parquet"):
        run(Task.NODULE_BINARY, cohort, bundle, tmp_path / "out")
