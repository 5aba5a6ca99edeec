"""Files and models that nothing is predicted of end in one sentence."""

import numpy as np
import pandas as pd
import pytest
from predicted_crops import change_archive, predict
from small_cohort import make_bundle, write_cohort

from lungml.bundle import write_bundle
from lungml.errors import InputError, MissingInputError, ModelError, ParamsError, ServiceError
from lungml.terms import Task

pytest_plugins = ["mlflow_project", "crops_project"]


def test_a_model_that_is_not_registered_is_named(given, project):
    for uri in ("models:/lungml-nodule-five@champion", "models:/lungml-nodule-five/7"):
        with pytest.raises(ModelError, match=uri):
            predict(given, uri)


@pytest.mark.parametrize("store", [None, "http://127.0.0.1:1"])
def test_asking_for_a_registered_model_leaves_nothing_in_an_empty_folder(given, tmp_path, monkeypatch, store):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    if store is not None:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", store)

    with pytest.raises((ModelError, ServiceError), match=r"mlruns|127\.0\.0\.1"):
        predict(given, "models:/lungml-nodule-five@champion")

    assert list(elsewhere.iterdir()) == []


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
    "no rows": (lambda folder: (folder / "crops.csv").write_text(HEADER), "no row below its header"),
    "no CSV": (lambda folder: (folder / "crops.csv").write_text('a"b\n"'), "crops.csv"),
    "floats": (change_archive(hu=lambda old: old["hu"].astype(float)), "float64 .*expected int16"),
    "wrong axes": (change_archive(hu=lambda old: old["hu"][:, None]), r"int16 \(48, 1, 21, 21\)"),
    "no pixels": (change_archive(hu=lambda old: old["hu"][:, :0, :0]), r"int16 \(48, 0, 0\)"),
    "one pixel": (change_archive(hu=lambda old: old["hu"][:, 10:11, 10:11]), "of 1 x 1 pixels, .*16 x 16"),
    "too narrow": (
        change_table(pixel_spacing_mm=with_first("0.3")),
        r"1 of 48 crops .*000 \(6\.3 mm\): .* 7 mm",
    ),
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
