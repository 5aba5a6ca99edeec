import pytest
from index_tables import make_index, write_index

from lungml.checks.result import Check, build_result
from lungml.errors import ChecksFailedError, InputError, MissingInputError
from lungml.files import read_json, sha256_file, write_json
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


def paths(folder, lines=()):
    """What the stage reads and writes; `lines` are those of the list of exclusions."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "exclusions.csv").write_text("\n".join(["nodule_id,reason,reviewer,date", *lines]) + "\n")
    return {
        "index": folder / "index",
        "checked": folder / "checked",
        "exclusions": folder / "exclusions.csv",
        "out": folder / "split.parquet",
        "excluded": folder / "excluded.json",
    }


def run(folder, tables, labels=None, scope=None, lines=(), **params):
    labels = labels or LabelParams()
    write(folder, tables, labels)
    split.run(SplitParams(**params), labels, scope or ScopeParams(), **paths(folder, lines))
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


def test_a_copy_whose_nodules_are_excluded_as_duplicates_is_no_leak(tmp_path, tables):
    tables.series.loc[4, "pixels_sha256"] = tables.series["pixels_sha256"][3]
    copy = tables.nodules["series_uid"] == tables.series["series_uid"][4]
    copies = tables.nodules.loc[copy, "nodule_id"].tolist()
    with pytest.raises(InputError, match="LM-V002"):
        run(tmp_path / "leaking", tables)
    lines = [f"{nodule},duplicate: copy of another series,AB,2026-03-01" for nodule in copies]

    table = run(tmp_path / "mended", tables, lines=lines).set_index("nodule_id")

    assert (table.loc[copies, "part"] == "excluded").all()


def test_unchecked_tables_are_refused(tmp_path, tables):
    write_index(tmp_path / "index", tables)

    with pytest.raises(MissingInputError, match=r"result\.json is not there"):
        split.run(SplitParams(), LabelParams(), ScopeParams(), **paths(tmp_path))


def test_tables_whose_checks_failed_are_refused(tmp_path, tables):
    failed = Check("expect_something", "column", "critical", "it holds", False, 1, "1 of 2 rows", ["1.2"])
    write(tmp_path, tables, LabelParams(), [failed])

    with pytest.raises(ChecksFailedError):
        split.run(SplitParams(), LabelParams(), ScopeParams(), **paths(tmp_path))


def test_targets_out_of_scope_may_have_no_class_at_all(tmp_path, tables):
    tables.nodules["scores"] = [[2] if number % 2 else [4] for number in range(len(tables.nodules))]
    binary = ScopeParams(tasks={Task.NODULE_BINARY: View.NODULE})

    table = run(tmp_path, tables, scope=binary)

    assert set(table["five"]) == {1, 3}
    assert set(table.loc[table["part"] == "test", "binary"]) == {0, 1}


def test_nodules_without_a_diameter_are_divided_too(tmp_path, tables):
    tables.nodules["diameter_mm"] = float("nan")

    assert set(run(tmp_path, tables)["part"]) == {"train", "val", "test"}


def test_leaving_a_nodule_out_moves_no_other_one(tmp_path, tables):
    before = run(tmp_path / "all", tables).set_index("nodule_id")
    first = before.groupby("part").head(1)
    lines = [f"{nodule},blank: nothing in it,AB,2026-03-01" for nodule in first.index]

    after = run(tmp_path / "some", tables, lines=lines).set_index("nodule_id")

    listed = after.index.isin(first.index)
    assert after[~listed].equals(before[~listed])
    assert (after.loc[listed, "part"] == "excluded").all()
    assert (after.loc[listed, ["fold", "binary", "five"]] == -1).all(axis=None)
    assert read_json(tmp_path / "some/excluded.json")["kinds"] == {"blank": {"train": 1, "val": 1, "test": 1}}


def test_how_many_are_left_out_is_always_said(tmp_path, tables, capsys):
    run(tmp_path, tables)

    assert "excluded: 0 nodules" in capsys.readouterr().err


def test_a_list_that_cannot_be_followed_writes_nothing(tmp_path, tables):
    with pytest.raises(InputError, match=r"line 2 \(nodule-9\): no nodule of the index"):
        run(tmp_path, tables, lines=["nodule-9,blank: nothing in it,AB,2026-03-01"])

    assert not (tmp_path / "split.parquet").exists()
    assert not (tmp_path / "excluded.json").exists()


def test_a_list_that_is_not_there_is_named_with_its_header(tmp_path, tables):
    write(tmp_path, tables, LabelParams())
    there = paths(tmp_path)
    there["exclusions"].unlink()

    with pytest.raises(MissingInputError, match="nodule_id,reason,reviewer,date"):
        split.run(SplitParams(), LabelParams(), ScopeParams(), **there)
