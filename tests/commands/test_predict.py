"""Crops without labels are predicted as the pipeline predicts the same crops with labels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from model_files import make_record
from phantom_views import phantom_views
from small_cohort import Cohort, make_bundle, write_baselines, write_cohort

from lungml.bundle import read_bundle, write_bundle
from lungml.checks.result import build_result
from lungml.commands.predict import command
from lungml.errors import InputError, MissingInputError, ModelError, ParamsError
from lungml.evaluation.tta import VIEWS
from lungml.files import sha256_file, write_json
from lungml.params.data import (
    ConsensusParams,
    CtParams,
    IntensityParams,
    LabelParams,
    SplitParams,
    ViewsParams,
)
from lungml.params.evaluation import EvaluateParams, RegisterParams
from lungml.params.model import AugmentParams, RecipeParams, WeightsParams
from lungml.params.scope import ScopeParams
from lungml.params.task import FinetuneParams
from lungml.stages import evaluate, finetune, index, split, views
from lungml.tables import PREDICTIONS, read_table
from lungml.terms import Task, View
from lungml.tracking.registry import register

pytest_plugins = ["mlflow_project"]

TASKS = (Task.NODULE_BINARY, Task.NODULE_FIVE)
PATIENTS = 24
SCORES = [1 + number % 5 for number in range(2 * PATIENTS)]
VIEWS_PARAMS = ViewsParams(size_px=24, nodule_field_of_view_mm=14.0)


def write_crops(folder):
    """Two balls of each patient, the brighter the more malignant; some pixels are padding. Two files."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(3)
    y, x = np.indices((21, 21)) - 10
    ball = np.hypot(y, x) < 5
    hu = -850 + rng.normal(0, 20, (len(SCORES), 21, 21))
    hu += ball * (500 + 120 * np.array(SCORES)[:, None, None])
    hu[:, 0, :3] = -2000
    ids = [f"{number:03}" for number in range(len(SCORES))]
    np.savez_compressed(folder / "crops.npz", hu=hu.astype(np.int16), nodule_id=np.array(ids))
    table = pd.DataFrame(
        {
            "nodule_id": ids,
            "patient_id": [f"P{number // 2:02}" for number in range(len(SCORES))],
            "pixel_spacing_mm": rng.uniform(0.6, 0.8, len(SCORES)).round(4),
            "score": SCORES,
        }
    )
    table.to_csv(folder / "crops.csv", index=False)
    return table


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A project with labelled crops in data/raw, and models of both nodule tasks trained on them."""
    root = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUNGML_WORKERS", "1")
        write_crops(root / "raw")
        index.run(CtParams(), ConsensusParams(), raw=root / "raw", out=root / "index")
        views.run(
            CtParams(), ConsensusParams(), VIEWS_PARAMS, view=View.NODULE, raw=root / "raw",
            index=root / "index", out=root / "views",
        )  # fmt: skip
        write_split(root)
        for task in TASKS:
            train_and_evaluate(root, task)
    return root


@pytest.fixture
def given(tmp_path):
    """Files of crops that have no labels, as they come from elsewhere."""
    table = write_crops(tmp_path / "given").drop(columns="score")
    table.to_csv(tmp_path / "given" / "crops.csv", index=False)
    return tmp_path / "given"


def write_split(root):
    write_json(root / "checked" / "result.json", build_result({}, root / "index", LabelParams()))
    (root / "exclusions.csv").write_text("nodule_id,reason,reviewer,date\n")
    split.run(
        SplitParams(), LabelParams(), ScopeParams(), index=root / "index", checked=root / "checked",
        exclusions=root / "exclusions.csv", out=root / "split.parquet", excluded=root / "excluded.json",
    )  # fmt: skip


def train_and_evaluate(root, task):
    best = {"backbone": "resnet10t", "batch_size": 8, "optimizer": "adamw", "learning_rate": 0.003}
    write_json(root / "tuned" / "best.json", best | {"head": "linear"})
    recipe = RecipeParams(augment=AugmentParams(), average_decay=0.5)
    made, data = root / "models" / task, {"views": root / "views", "split": root / "split.parquet"}
    finetune.run(
        FinetuneParams(epochs=2, recipe=recipe), WeightsParams(), IntensityParams(), LabelParams(), task=task,
        tuned=root / "tuned", out=made, log=root / "log" / task, **data,
    )  # fmt: skip
    (root / "diagnoses.csv").write_text("patient_id,diagnosis\n")
    cohort = Cohort(index=root / "index", diagnoses=root / "diagnoses.csv", **data)
    baselines = write_baselines(cohort, task, root / "baselines" / task)
    evaluate.run(
        EvaluateParams(null_draws=100, replicates=100), task=task, bundle=made, log=root / "log" / task,
        index=root / "index", diagnoses=root / "diagnoses.csv", baselines=baselines,
        ledger=root / "ledger.jsonl", out=root / "evaluate" / task, **data,
    )  # fmt: skip


def predict(folder, model, *options, out=None):
    """Run the command on the files in `folder`; give the table it wrote."""
    out = folder.parent / "out" / "answers.csv" if out is None else out
    words = [folder / "crops.npz", "--points", folder / "crops.csv", "--model", model, "--out", out, *options]
    done = CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return pd.read_csv(out, dtype={"nodule_id": str})


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


ABSTAINING = ["distance", "out_of_distribution"]


def test_a_binary_model_answers_in_one_column_before_those_of_abstaining(trained, given):
    found = predict(given, trained / "models" / Task.NODULE_BINARY)

    assert list(found) == ["nodule_id", "p_malignant", *ABSTAINING]


def test_a_model_of_five_scores_answers_in_six_columns_before_those_of_abstaining(trained, given):
    found = predict(given, trained / "models" / Task.NODULE_FIVE)

    assert list(found) == ["nodule_id", "p1", "p2", "p3", "p4", "p5", "p_malignant", *ABSTAINING]


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


def test_a_model_that_is_not_registered_is_named(given, project):
    for uri in ("models:/lungml-nodule-five@champion", "models:/lungml-nodule-five/7"):
        with pytest.raises(ModelError, match=uri):
            predict(given, uri)


def test_the_help_names_every_test_time_view():
    text = " ".join(CliRunner().invoke(command, ["--help"]).output.split())

    assert all(view in text for view in VIEWS if view != "identity")


def test_a_slice_model_is_refused(given, tmp_path):
    bundle = make_bundle(write_cohort(tmp_path / "cohort"), task=Task.SLICE_BINARY)
    write_bundle(tmp_path / "model", bundle)

    with pytest.raises(ParamsError, match="slice-binary, which looks at whole slices"):
        predict(given, tmp_path / "model")


@pytest.mark.parametrize("model", ["nodule-five", "models/elsewhere"])
def test_a_model_that_is_not_there_is_named(given, project, model):
    with pytest.raises(MissingInputError, match=r"models/\S+"):
        predict(given, model)


def change_table(**columns):
    """Change columns of the table; None takes one out."""

    def change(folder):
        table = pd.read_csv(folder / "crops.csv", dtype=str)
        for name, make in columns.items():
            table = table.drop(columns=name) if make is None else table.assign(**{name: make(table[name])})
        table.to_csv(folder / "crops.csv", index=False)

    return change


def with_first(value):
    """A column with another first value."""
    return lambda column: pd.Series([value, *column[1:]])


def change_archive(**arrays):
    """Make arrays of the archive anew from what is in them."""

    def change(folder):
        with np.load(folder / "crops.npz") as old:
            kept = {name: old[name] for name in old.files}
        changed = {name: make(kept) for name, make in arrays.items()}
        np.savez(
            folder / "crops.npz",
            **{name: each for name, each in (kept | changed).items() if each is not None},
        )

    return change


BAD = {
    "no nodule_id": (change_table(nodule_id=None), "lacks the column nodule_id: found patient_id"),
    "no patient_id": (change_table(patient_id=None), "lacks the column patient_id"),
    "no spacing": (change_table(pixel_spacing_mm=None), "lacks the column pixel_spacing_mm"),
    "spacing 0": (change_table(pixel_spacing_mm=with_first("0")), "above 0.*: 0 in row 2"),
    "spacing below 0": (change_table(pixel_spacing_mm=with_first("-0.7")), "above 0.*: -0.7 in row 2"),
    "spacing empty": (change_table(pixel_spacing_mm=with_first("")), "empty in row 2"),
    "spacing a word": (change_table(pixel_spacing_mm=with_first("Smith")), "a word in row 2"),
    "spacing infinite": (change_table(pixel_spacing_mm=with_first("inf")), "inf in row 2"),
    "id empty": (change_table(nodule_id=with_first("")), "rows without a nodule_id: row 2"),
    "id twice": (change_table(nodule_id=with_first("001")), "share a nodule_id: 001"),
    "id in the table only": (change_table(nodule_id=with_first("900")), "without a crop .*: 900"),
    "id in the archive only": (
        lambda folder: pd.read_csv(folder / "crops.csv", dtype=str)[3:].to_csv(
            folder / "crops.csv", index=False
        ),
        "without a row .*: 000, 001, 002",
    ),
    "no rows": (lambda folder: (folder / "crops.csv").write_text(HEADER), "no row below its header"),
    "no CSV": (lambda folder: (folder / "crops.csv").write_text('a"b\n"'), "crops.csv"),
    "floats": (change_archive(hu=lambda old: old["hu"].astype(float)), "float64 .*expected int16"),
    "wrong axes": (change_archive(hu=lambda old: old["hu"][:, None]), r"int16 \(48, 1, 21, 21\)"),
    "no hu": (change_archive(hu=lambda old: None), "no archive of hu and nodule_id"),
    "archive with an id twice": (
        change_archive(nodule_id=lambda old: np.roll(old["nodule_id"], 1)[[0, 0, *range(2, 48)]]),
        "47 different ids",
    ),
    "no archive": (lambda folder: (folder / "crops.npz").write_bytes(b"PK"), "no archive of crops"),
}
HEADER = "nodule_id,patient_id,pixel_spacing_mm\n"


@pytest.mark.parametrize("case", BAD)
def test_wrong_files_end_in_one_sentence_and_nothing_written(trained, given, case):
    spoil, sentence = BAD[case]
    spoil(given)

    with pytest.raises(InputError, match=sentence) as refused:
        predict(given, trained / "models" / Task.NODULE_FIVE)

    assert str(given) in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (given.parent / "out").exists()


@pytest.mark.parametrize("name", ["crops.npz", "crops.csv"])
def test_a_file_that_is_not_there_is_named(trained, given, name):
    (given / name).unlink()

    with pytest.raises(MissingInputError, match=name):
        predict(given, trained / "models" / Task.NODULE_FIVE)


def test_the_answers_may_not_replace_the_table(trained, given):
    with pytest.raises(ParamsError, match=r"crops\.csv is one of the files to read"):
        predict(given, trained / "models" / Task.NODULE_FIVE, out=given / "crops.csv")
