"""The seed study's sheet, whole and broken."""

import time

import pytest
from index_and_views import found, indexed
from openpyxl import load_workbook
from seed_files import HEADER, seed_folder, write_book, write_pair

from lungml.errors import InputError


def test_every_bad_row_is_listed_with_its_number(tmp_path):
    good = seed_folder(tmp_path / "raw", classes=(1, 2, 3))
    bad = [
        ("pat1_fullslice.nrrd", "pat9_nodule.nrrd", 2),
        ("pat9_fullslice.nrrd", "pat1_nodule.nrrd", 2),
        (*good[0][:2], 0),
        (*good[0][:2], 6),
        (*good[0][:2], 3.5),
        (*good[0][:2], "malig"),
        (*good[0][:2], None),
        (None, None, None),
        (None, "pat1_nodule.nrrd", 4),
        (*good[0][:2], "=1+1"),
        (*good[0][:2], True),
    ]
    write_book(tmp_path / "raw" / "dataset_lung.xlsx", [*good, *bad])

    nodules = indexed(tmp_path)["nodules"]

    assert len(nodules) == 3
    said = found(tmp_path)
    assert said["LM-L017"] == "Nodule: no such file in row 5; Full_slice: no such file in row 6"
    assert said["LM-L006"] == "TumorClass 0 in row 7; TumorClass 6 in row 8; TumorClass 3.5 in row 9"
    assert said["LM-L015"] == "row 14"
    assert "TumorClass: a word in row 10" in said["LM-L005"]
    assert "TumorClass: empty in rows 11, 15" in said["LM-L005"]
    assert "Full_slice: empty in row 13" in said["LM-L005"]


def test_spaces_and_case_of_names_are_mended(tmp_path):
    write_pair(tmp_path / "raw", "pat1", 1)
    write_pair(tmp_path / "raw", "pat2", 2)
    rows = [(" PAT1_FullSlice.nrrd", "pat1_nodule ", " 4 "), ("pat2_fullslice", "pat2_nodule", "5.0")]
    write_book(tmp_path / "raw" / "dataset_lung.xlsx", rows, ("full_slice", " Nodule", "TUMORCLASS"))

    nodules = indexed(tmp_path)["nodules"]

    assert sorted(list(scores) for scores in nodules["scores"]) == [[4], [5]]
    assert found(tmp_path)["LM-L014"] == "names of columns in row 1; Full_slice in row 2"


@pytest.mark.parametrize("how", ["same files", "same pixels"])
def test_one_nodule_with_two_classes_stops_everything(tmp_path, how):
    rows = seed_folder(tmp_path / "raw", classes=(1, 2))
    twin = rows[0][:2] if how == "same files" else write_pair(tmp_path / "raw", "pat3", 1)
    write_book(tmp_path / "raw" / "dataset_lung.xlsx", [*rows, (*twin, 5), ("x", "y", 1)])

    with pytest.raises(
        InputError, match=r"(?s)nothing is written.*LM-L003.*as row 2 in row 4.*LM-L017.*row 5"
    ):
        indexed(tmp_path)

    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("how", ["same files", "same pixels"])
def test_one_nodule_twice_with_one_class_counts_once(tmp_path, how):
    rows = seed_folder(tmp_path / "raw", classes=(1, 2))
    twin = rows[0][:2] if how == "same files" else write_pair(tmp_path / "raw", "pat3", 1)
    write_book(tmp_path / "raw" / "dataset_lung.xlsx", [*rows, (*twin, 1)])

    assert len(indexed(tmp_path)["nodules"]) == 2
    assert found(tmp_path)["LM-L008"] == "as row 2 in row 4"


def test_a_hidden_sheet_is_not_looked_at(tmp_path):
    rows = seed_folder(tmp_path / "raw", classes=(1, 2))
    path = tmp_path / "raw" / "dataset_lung.xlsx"
    book = write_book(path, rows, Old=[HEADER, ("x", "y", 9)])
    book["Old"].sheet_state = "hidden"
    book.save(path)

    assert len(indexed(tmp_path)["nodules"]) == 2
    assert found(tmp_path)["LM-L016"] == "1 other sheets"


@pytest.mark.parametrize("what", ["two sheets", "hidden only", "no class", "no workbook", "empty"])
def test_a_workbook_without_one_clear_sheet_stops(tmp_path, what):
    rows = seed_folder(tmp_path / "raw", classes=(1, 2))
    path = tmp_path / "raw" / "dataset_lung.xlsx"
    if what == "two sheets":
        write_book(path, rows, Other=[HEADER, *rows])
    elif what == "hidden only":
        book = write_book(path, rows, HEADER, Notes=[("nothing",)])
        book.active.sheet_state = "hidden"
        book.save(path)
    elif what == "no class":
        write_book(path, [row[:2] for row in rows], HEADER[:2])
    else:
        path.write_bytes(b"" if what == "empty" else b"PK\x03\x04 no more")

    with pytest.raises(InputError, match=r"LM-L001 dataset_lung\.xlsx"):
        indexed(tmp_path)


def test_merged_cells_leave_rows_without_a_value(tmp_path):
    rows = seed_folder(tmp_path / "raw", classes=(4, 4, 2))
    path = tmp_path / "raw" / "dataset_lung.xlsx"
    book = write_book(path, rows)
    book.active.merge_cells("C2:C3")
    book.save(path)

    assert len(indexed(tmp_path)["nodules"]) == 2
    assert found(tmp_path)["LM-L005"] == "TumorClass: empty in row 3"


def test_a_million_empty_rows_are_soon_read(tmp_path):
    seed_folder(tmp_path / "raw", classes=(1, 2))
    path = tmp_path / "raw" / "dataset_lung.xlsx"
    book = load_workbook(path)
    book.active.cell(1_048_576, 1, " ")
    book.save(path)

    start = time.process_time()
    nodules = indexed(tmp_path)["nodules"]

    assert len(nodules) == 2
    assert time.process_time() - start < 20


def test_another_workbook_is_left_out_with_a_note(tmp_path):
    seed_folder(tmp_path / "raw", classes=(1, 2))
    write_book(tmp_path / "raw" / "budget.xlsx", [(1, 2)], ("Item", "Cost"))

    indexed(tmp_path)

    assert "LM-L002" in found(tmp_path)


def test_a_sheet_cannot_name_a_file_outside_the_raw_folder(tmp_path):
    rows = seed_folder(tmp_path / "raw", classes=(1, 2))
    outside = write_pair(tmp_path, "secret", 3)
    write_book(tmp_path / "raw" / "dataset_lung.xlsx", [*rows, (f"../{outside[0]}", f"../{outside[1]}", 3)])

    assert len(indexed(tmp_path)["nodules"]) == 2
    assert "row 4" in found(tmp_path)["LM-L017"]
