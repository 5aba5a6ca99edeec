"""Crops without labels are predicted as the pipeline predicts the same crops with labels."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from model_files import make_record
from predicted_crops import ABSTAINING, PATIENTS, TASKS, predict, said_by_predict

from lungml.bundle import read_bundle
from lungml.commands.predict import command
from lungml.evaluation.tta import VIEWS
from lungml.files import sha256_file
from lungml.params.evaluation import RegisterParams
from lungml.tables import PREDICTIONS, read_table
from lungml.terms import Task
from lungml.tracking.registry import register

pytest_plugins = ["mlflow_project", "crops_project"]


def evaluated(root, task, column):
    """What the evaluation wrote: name of a nodule in its table -> probabilities (K,)."""
    rows = read_table(root / "evaluate" / task / "predictions.parquet", PREDICTIONS)
    return {
        name.split("-")[-1]: answers for name, answers in zip(rows["nodule_id"], rows[column], strict=True)
    }


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("options", "column"), [((), "probabilities_tta"), (("--no-tta",), "probabilities")])
def test_crops_get_the_probabilities_of_the_evaluation(trained, given, task, options, column):
    found = predict(given, trained / "models" / task, *options).set_index("nodule_id")

    expected = evaluated(trained, task, column)
    assert len(expected) > PATIENTS / 2
    for name, answers in expected.items():
        scores = found.loc[name, ["p1", "p2", "p3", "p4", "p5"]] if task == Task.NODULE_FIVE else None
        malignant = answers[3] + answers[4] if task == Task.NODULE_FIVE else answers[1]
        assert found.loc[name, "p_malignant"] == pytest.approx(malignant, abs=1e-6)
        assert scores is None or scores.tolist() == pytest.approx(list(answers), abs=1e-6)


def test_a_binary_model_answers_in_one_column_before_those_of_abstaining(trained, given):
    found = predict(given, trained / "models" / Task.NODULE_BINARY)

    assert list(found) == ["nodule_id", "p_malignant", *ABSTAINING]


def test_a_model_of_five_scores_answers_in_six_columns_before_those_of_abstaining(trained, given):
    found = predict(given, trained / "models" / Task.NODULE_FIVE)

    assert list(found) == ["nodule_id", "p1", "p2", "p3", "p4", "p5", "p_malignant", *ABSTAINING]


def test_rows_are_in_the_order_of_the_table_and_more_columns_change_nothing(trained, given):
    model = trained / "models" / Task.NODULE_FIVE
    before = predict(given, model)
    table = pd.read_csv(given / "crops.csv", dtype=str)
    table.iloc[::-1].assign(malignancy="5", remark="a, b").to_csv(given / "crops.csv", index=False)

    after = predict(given, model)

    assert after["nodule_id"].tolist() == before["nodule_id"].tolist()[::-1]
    pd.testing.assert_frame_equal(
        after.sort_values("nodule_id", ignore_index=True), before, check_exact=False, atol=1e-5
    )


def test_the_rows_of_the_table_are_answered_and_other_crops_are_counted(trained, given, tmp_path):
    model = trained / "models" / Task.NODULE_FIVE
    before = predict(given, model)
    table = pd.read_csv(given / "crops.csv", dtype=str)
    table[:5].to_csv(given / "crops.csv", index=False)

    said = said_by_predict(given, model, out=tmp_path / "few.csv")

    after = pd.read_csv(tmp_path / "few.csv", dtype={"nodule_id": str})
    assert after["nodule_id"].tolist() == table["nodule_id"].tolist()[:5]
    assert after["p_malignant"].to_numpy() == pytest.approx(before["p_malignant"][:5].to_numpy(), abs=1e-6)
    assert f"crops.csv has no row for {len(table) - 5} crops of {given / 'crops.npz'}" in said


def test_crops_are_predicted_the_same_however_many_there_are_at_once(trained, given, monkeypatch):
    model = trained / "models" / Task.NODULE_FIVE
    before = predict(given, model)
    monkeypatch.setattr("lungml.commands.predict._AT_ONCE", 7)

    after = predict(given, model)
    assert after["distance"].to_numpy() == pytest.approx(before["distance"], abs=1e-4)
    told, known = (table.drop(columns="distance") for table in (after, before))
    pd.testing.assert_frame_equal(told, known, check_exact=False, atol=1e-6)


def test_ids_may_be_numbers(trained, given):
    with np.load(given / "crops.npz") as arrays:
        np.savez(given / "crops.npz", hu=arrays["hu"], nodule_id=np.arange(len(arrays["hu"])))
    table = pd.read_csv(given / "crops.csv")
    table.assign(nodule_id=range(len(table))).to_csv(given / "crops.csv", index=False)

    found = predict(given, trained / "models" / Task.NODULE_FIVE)

    assert found["nodule_id"].tolist() == [str(number) for number in range(len(table))]


def test_the_files_are_only_read(trained, given):
    before = {path.name: sha256_file(path) for path in given.iterdir()}

    predict(given, trained / "models" / Task.NODULE_FIVE)

    assert {path.name: sha256_file(path) for path in given.iterdir()} == before


def test_a_task_names_the_model_of_this_project(trained, given, monkeypatch):
    monkeypatch.chdir(trained)

    by_name, by_folder = (predict(given, name) for name in (Task.NODULE_FIVE, f"models/{Task.NODULE_FIVE}"))

    pd.testing.assert_frame_equal(by_name, by_folder)


def test_a_registered_model_answers_as_its_bundle_does(trained, given, project, params):
    folder = trained / "models" / Task.NODULE_BINARY
    bundle = read_bundle(folder)
    sized = params.model_copy(update={"views": bundle.views})
    register(make_record(project / "model", sized, bundle=bundle), RegisterParams())

    registered = predict(given, "models:/lungml-nodule-binary@champion")

    pd.testing.assert_frame_equal(registered, predict(given, folder))


def test_the_help_names_every_test_time_view():
    text = " ".join(CliRunner().invoke(command, ["--help"]).output.split())

    assert all(view in text for view in VIEWS if view != "identity")
