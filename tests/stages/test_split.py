import pytest
from index_tables import make_index, write_index

from lungml.checks.result import Check, build_result
from lungml.errors import ChecksFailedError, InputError, MissingInputError
from lungml.files import sha256_file, write_json
from lungml.params.data import LabelParams, SplitParams
from lungml.params.scope import ScopeParams
from lungml.stages import split
from lungml.tables import SPLIT, read_table
from lungml.terms import Task, View


@pytest.fixture
def tables():
    return make_index(60)


def write(folder, tables, labels, checks=()):
    write_index(folder / "index", tables)
    result = build_result({"series": list(checks)}, folder / "index", labels)
    write_json(folder / "checked" / "result.json", result)


def run(folder, tables, labels=None, scope=None, **params):
    labels = labels or LabelParams()
    write(folder, tables, labels)
    split.run(
        SplitParams(**params),
        labels,
        scope or ScopeParams(),
        index=folder / "index",
        checked=folder / "checked",
        out=folder / "split.parquet",
    )
    return read_table(folder / "split.parquet", SPLIT)


def test_every_nodule_has_a_label_a_part_and_a_fold(tmp_path, tables):
    table = run(tmp_path, tables, folds=4)

    assert table["nodule_id"].tolist() == sorted(tables.nodules["nodule_id"])
    assert set(table["part"]) == {"train", "val", "test"}
    assert set(table.loc[table["part"] == "test", "fold"]) == {-1}
    assert set(table.loc[table["part"] != "test", "fold"]) == {0, 1, 2, 3}
    assert table.groupby("patient_id")[["part", "fold"]].nunique().to_numpy().max() == 1


def test_two_series_of_one_patient_are_in_one_part(tmp_path, tables):
    tables.series.loc[:29, "patient_id"] = tables.series.loc[30:, "patient_id"].to_numpy()
    owner = tables.series.set_index("series_uid")["patient_id"]
    tables.nodules["patient_id"] = tables.nodules["series_uid"].map(owner)

    table = run(tmp_path, tables)

    assert table["patient_id"].nunique() == 30
    assert table.groupby("patient_id")["part"].nunique().max() == 1


def test_the_same_index_gives_the_same_bytes(tmp_path, tables):
    run(tmp_path / "one", tables)
    run(tmp_path / "two", tables)

    assert sha256_file(tmp_path / "one/split.parquet") == sha256_file(tmp_path / "two/split.parquet")


def test_nodules_the_policy_leaves_out_stay_in_the_table_without_a_label(tmp_path, tables):
    tables.nodules.at[0, "scores"] = [3, 3]

    table = run(tmp_path, tables, LabelParams(min_readers=3)).set_index("nodule_id")

    assert table.loc["nodule-00000", ["binary", "five"]].tolist() == [-1, -1]
    assert (table["five"] == -1).sum() == 1


def test_each_part_is_told_with_patients_nodules_and_prevalence(tmp_path, tables, capsys):
    table = run(tmp_path, tables)

    test = table[table["part"] == "test"]
    assert (
        f"test: 15 patients, {len(test)} nodules, {test['binary'].mean():.1%} of {len(test)} malignant"
        in capsys.readouterr().err
    )


def test_a_copy_under_another_patient_id_is_refused(tmp_path, tables):
    tables.series["pixels_sha256"] = "a" * 64

    with pytest.raises(InputError, match="LM-V002"):
        run(tmp_path, tables)

    assert not (tmp_path / "split.parquet").exists()


def test_unchecked_tables_are_refused(tmp_path, tables):
    write_index(tmp_path / "index", tables)

    with pytest.raises(MissingInputError, match=r"result\.json is not there"):
        split.run(
            SplitParams(),
            LabelParams(),
            ScopeParams(),
            index=tmp_path / "index",
            checked=tmp_path / "checked",
            out=tmp_path / "split.parquet",
        )


def test_tables_whose_checks_failed_are_refused(tmp_path, tables):
    failed = Check("expect_something", "column", "critical", "it holds", False, 1, "1 of 2 rows", ["1.2"])
    write(tmp_path, tables, LabelParams(), [failed])

    with pytest.raises(ChecksFailedError):
        split.run(
            SplitParams(),
            LabelParams(),
            ScopeParams(),
            index=tmp_path / "index",
            checked=tmp_path / "checked",
            out=tmp_path / "split.parquet",
        )


def test_targets_out_of_scope_may_have_no_class_at_all(tmp_path, tables):
    tables.nodules["scores"] = [[2] if number % 2 else [4] for number in range(len(tables.nodules))]
    binary = ScopeParams(tasks={Task.NODULE_BINARY: View.NODULE})

    table = run(tmp_path, tables, scope=binary)

    assert set(table["five"]) == {1, 3}
    assert set(table.loc[table["part"] == "test", "binary"]) == {0, 1}


def test_nodules_without_a_diameter_are_divided_too(tmp_path, tables):
    tables.nodules["diameter_mm"] = float("nan")

    assert set(run(tmp_path, tables)["part"]) == {"train", "val", "test"}
