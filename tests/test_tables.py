import pandas as pd
import pytest

from lungml.errors import InputError, MissingInputError
from lungml.tables import NODULES, SPLIT, read_table, write_table


def split_rows(**changes):
    rows = {
        "nodule_id": ["b-n1", "a-n1"],
        "patient_id": ["b", "a"],
        "score": [4.5, 1.0],
        "scores": [[4, 5], [1]],
        "binary": [1, 0],
        "five": [4, 0],
        "part": ["test", "train"],
        "fold": [-1, 2],
    }
    return pd.DataFrame(rows | changes)


def test_a_table_comes_back_sorted_by_its_key(tmp_path):
    write_table(tmp_path / "split.parquet", split_rows(), SPLIT)

    back = read_table(tmp_path / "split.parquet", SPLIT)

    assert list(back["nodule_id"]) == ["a-n1", "b-n1"]
    assert list(back.columns) == list(SPLIT.columns)


def test_equal_rows_in_another_order_give_equal_bytes(tmp_path):
    write_table(tmp_path / "one.parquet", split_rows(), SPLIT)
    write_table(tmp_path / "two.parquet", split_rows().iloc[::-1], SPLIT)

    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_two_rows_with_one_key_are_refused(tmp_path):
    with pytest.raises(ValueError, match="share the key"):
        write_table(tmp_path / "split.parquet", split_rows(nodule_id=["a-n1", "a-n1"]), SPLIT)


def test_a_missing_column_is_named(tmp_path):
    with pytest.raises(ValueError, match="fold"):
        write_table(tmp_path / "split.parquet", split_rows().drop(columns="fold"), SPLIT)


def test_a_table_of_another_kind_is_refused(tmp_path):
    write_table(tmp_path / "split.parquet", split_rows(), SPLIT)

    with pytest.raises(InputError, match="is not a nodules table: found columns nodule_id"):
        read_table(tmp_path / "split.parquet", NODULES)


def test_a_missing_table_says_how_to_make_it(tmp_path):
    with pytest.raises(MissingInputError, match="dvc repro"):
        read_table(tmp_path / "none.parquet", SPLIT)


def test_a_file_that_is_no_parquet_is_named(tmp_path):
    (tmp_path / "split.parquet").write_text("nodule_id,part")

    with pytest.raises(InputError, match="is not a parquet file"):
        read_table(tmp_path / "split.parquet", SPLIT)
