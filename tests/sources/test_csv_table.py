"""Text of CSV files as people and programs write them."""

import pytest

from lungml.sources.csv_table import read_csv, read_header


def write(folder, data):
    (folder / "a.csv").write_bytes(data)
    return folder / "a.csv"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_the_separator_is_the_one_that_the_header_has_most_of(tmp_path, separator, end):
    rows = (("name", "x mm", "y"), ("a b", "1", "2"))
    write(tmp_path, end.join(map(separator.join, rows)).encode())

    table = read_csv(tmp_path, "a.csv")

    assert table.columns == ("name", "x mm", "y")
    assert table.rows == ((2, ("a b", "1", "2")),)


def test_rows_keep_their_number_and_empty_ones_are_left_out(tmp_path):
    write(tmp_path, b"a,b\n1,2\n\n,\n 3 , 4 \n")

    assert read_csv(tmp_path, "a.csv").rows == ((2, ("1", "2")), (5, ("3", "4")))


def test_a_short_row_is_filled_up_and_a_long_one_keeps_its_cells(tmp_path):
    write(tmp_path, b"a,b,c\n1\n1,2,3,4\n")

    assert [cells for _, cells in read_csv(tmp_path, "a.csv").rows] == [("1", "", ""), ("1", "2", "3", "4")]


def test_quotes_hold_separators_and_line_breaks(tmp_path):
    write(tmp_path, b'a,b\n"1,5","two\nlines"\n')

    ((_, cells),) = read_csv(tmp_path, "a.csv").rows

    assert cells == ("1,5", "two\nlines")


@pytest.mark.parametrize(
    ("data", "name"), [("ä\n1\n".encode("utf-8-sig"), "ä"), ("ä\n1\n".encode("cp1252"), "ä")]
)
def test_the_letters_of_utf_8_and_of_windows_are_read(tmp_path, data, name):
    write(tmp_path, data)

    assert read_csv(tmp_path, "a.csv").columns == (name,)


def test_a_column_is_found_in_any_case_and_the_first_name_counts(tmp_path):
    write(tmp_path, b"CoordX,X_MM,label\n1,2,3\n")
    table = read_csv(tmp_path, "a.csv")

    assert table.column(("x_mm", "coordx")) == 1
    assert table.column(("coordx", "x_mm")) == 0
    assert table.column(("score",)) is None


def test_bytes_that_are_no_text_have_no_columns(tmp_path):
    assert read_header(write(tmp_path, b"PK\x03\x04\0\0,a,b\n")) == ()
    assert read_header(write(tmp_path, b"a,b\n1,2\n")) == ("a", "b")


def test_a_table_of_more_than_64_mebibytes_is_refused_unread(tmp_path):
    with (tmp_path / "a.csv").open("wb") as stream:
        stream.truncate((64 << 20) + 1)  # takes no space

    with pytest.raises(ValueError, match="more than 64 MiB"):
        read_csv(tmp_path, "a.csv")
