"""The two files of crops to be predicted, as people hand them over."""

import numpy as np
import pandas as pd
import pytest

from lungml.errors import InputError
from lungml.sources.unlabelled import read_unlabelled


def write(folder):
    """An archive of crops a and b, and its table; give their paths."""
    archive, table = folder / "crops.npz", folder / "crops.csv"
    hu = np.stack([np.full((21, 21), each, np.int16) for each in (-850, 50)])
    np.savez(archive, hu=hu, nodule_id=np.array(["a", "b"]))
    pd.DataFrame({"nodule_id": ["b", "a"], "patient_id": ["P1", "P2"], "pixel_spacing_mm": 0.7}).to_csv(
        table, index=False
    )
    return archive, table


def test_crops_come_in_the_order_of_the_table(tmp_path):
    found = read_unlabelled(*write(tmp_path))

    assert found.nodule_ids == ("b", "a")
    assert found.images_hu[:, 10, 10].tolist() == [50, -850]
    assert found.not_asked == 0


def test_files_in_each_others_place_are_told_which_is_which(tmp_path):
    archive, table = write(tmp_path)

    with pytest.raises(InputError) as refused:
        read_unlabelled(table, archive)

    sentence = str(refused.value)
    assert sentence.startswith(f"--points {archive} is an archive of arrays, not a table")
    assert f"lungml predict {archive} --points {table}" in sentence


def test_an_archive_in_the_place_of_the_table_is_named(tmp_path):
    archive, _ = write(tmp_path)

    with pytest.raises(InputError, match="is an archive of arrays, not a table; name the CSV"):
        read_unlabelled(archive, archive)


def test_bytes_that_are_no_text_are_not_shown(tmp_path):
    archive, table = write(tmp_path)
    table.write_bytes(b"\x00\x01\xff" * 50)

    with pytest.raises(InputError, match="lacks the column nodule_id: found none, expected"):
        read_unlabelled(archive, table)


def test_a_table_may_ask_for_fewer_crops_than_there_are(tmp_path):
    archive, table = write(tmp_path)
    pd.read_csv(table)[:1].to_csv(table, index=False)

    found = read_unlabelled(archive, table)

    assert found.nodule_ids == ("b",)
    assert found.images_hu[:, 10, 10].tolist() == [50]
    assert found.not_asked == 1


def with_ids(folder, ids):
    """The files of `write`, with other ids in the archive."""
    archive, table = write(folder)
    np.savez(archive, hu=np.zeros((2, 21, 21), np.int16), nodule_id=ids)
    return archive, table


def test_ids_in_bytes_are_text(tmp_path):
    assert read_unlabelled(*with_ids(tmp_path, np.array([b"a", b"b"]))).nodule_ids == ("b", "a")


@pytest.mark.parametrize(
    ("ids", "shown"), [(np.array([1, 2]), "'1', '2'"), (np.array([1.0, 2.0]), r"'1\.0', '2\.0'")]
)
def test_ids_that_do_not_fit_are_shown_as_the_archive_has_them(tmp_path, ids, shown):
    with pytest.raises(InputError, match=f"without a crop in .*: b, a; the archive.s ids look like {shown}"):
        read_unlabelled(*with_ids(tmp_path, ids))


def test_ids_that_are_python_objects_are_to_be_saved_as_text(tmp_path):
    with pytest.raises(InputError, match=r"found nodule_id of Python objects.*ids\.astype\(str\)") as refused:
        read_unlabelled(*with_ids(tmp_path, np.array(["a", "b"], dtype=object)))

    assert "no archive of hu" not in str(refused.value)
