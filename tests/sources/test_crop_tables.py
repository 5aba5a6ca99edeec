"""Which tables are of ready-made crops."""

import pytest

from lungml.sources.crop_tables import holds_crops, is_crops_header

HEADER = "nodule_id,patient_id,pixel_spacing_mm\n"


@pytest.mark.parametrize(
    ("columns", "is_one"),
    [
        (("nodule_id", "patient_id", "pixel_spacing_mm"), True),
        (("Score", "PIXEL_SPACING_MM", "Patient_ID", "Nodule_Id"), True),
        (("nodule_id", "patient_id"), False),
        ((), False),
    ],
)
def test_a_table_of_crops_has_three_columns_in_any_order_and_case(columns, is_one):
    assert is_crops_header(columns) is is_one


@pytest.mark.parametrize(
    ("table", "archive", "there"),
    [
        ("a/b/t.csv", "a/b/x.npz", True),
        ("a/b/T.CSV", "a/b/X.NPZ", True),
        ("a/b/t.csv", "a/x.npz", False),
        ("a/t.txt", "a/x.npz", False),
    ],
)
def test_crops_are_a_table_with_an_archive_beside_it_anywhere_below(tmp_path, table, archive, there):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / table).write_text(HEADER)
    (tmp_path / archive).write_bytes(b"")

    assert holds_crops(tmp_path) is there


def test_another_table_beside_an_archive_is_no_crops(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n")
    (tmp_path / "x.npz").write_bytes(b"")

    assert not holds_crops(tmp_path)
