import json

import pytest

from lungml.errors import InputError, MissingInputError, OutputError
from lungml.files import (
    atomic_file,
    atomic_folder,
    read_json,
    sha256_file,
    sha256_json,
    unnamed_bytes,
    write_json,
    write_text,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_whose_writer_fails_keeps_its_old_content(tmp_path):
    target = tmp_path / "table.csv"
    write_text(target, "old")

    with pytest.raises(ZeroDivisionError), atomic_file(target) as temporary:
        temporary.write_text("half of the n")
        raise ZeroDivisionError

    assert target.read_text() == "old"
    assert names(tmp_path) == ["table.csv"]


def test_a_folder_whose_writer_fails_keeps_its_old_content(tmp_path):
    target = tmp_path / "bundle"
    with atomic_folder(target) as temporary:
        (temporary / "weights").write_text("old")

    with pytest.raises(ZeroDivisionError), atomic_folder(target) as temporary:
        (temporary / "weights").write_text("new")
        raise ZeroDivisionError

    assert (target / "weights").read_text() == "old"
    assert names(tmp_path) == ["bundle"]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    for name in ("first", "second"):
        with atomic_folder(tmp_path / "out") as temporary:
            (temporary / name).touch()

    assert names(tmp_path / "out") == ["second"]


def test_an_unwritable_place_is_named_with_its_free_space(tmp_path):
    (tmp_path / "taken").write_text("a file where a folder is needed")

    with pytest.raises(OutputError, match=r"cannot write .*taken/inside.*GB free"):
        write_text(tmp_path / "taken" / "inside", "text")


def test_equal_values_give_equal_json_bytes(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": [1.5, None]})
    write_json(tmp_path / "b.json", {"a": [1.5, None], "b": 1})

    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_not_a_number_is_refused_in_json(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", float("nan"))

    assert names(tmp_path) == []


def test_missing_json_says_how_to_make_it(tmp_path):
    with pytest.raises(MissingInputError, match="dvc repro"):
        read_json(tmp_path / "none.json")


def test_broken_json_is_named(tmp_path):
    (tmp_path / "cut.json").write_text('{"a": ')

    with pytest.raises(InputError, match=r"cut\.json is not valid JSON"):
        read_json(tmp_path / "cut.json")


def test_sha256_is_that_of_fips_180(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")

    assert sha256_file(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_sha256_of_json_does_not_depend_on_the_order_of_keys():
    assert sha256_json({"a": 1, "b": 2}) == sha256_json(json.loads('{"b": 2, "a": 1}'))


def test_unnamed_bytes_hold_what_is_written_and_leave_no_file(tmp_path):
    held = unnamed_bytes(5000, tmp_path / "work")
    held[:] = 7

    assert held.sum() == 7 * 5000
    assert names(tmp_path / "work") == []


def test_unnamed_bytes_that_the_disk_has_no_place_for_are_refused_at_once(tmp_path):
    with pytest.raises(OutputError, match=r"cannot write .*GB free there"):
        unnamed_bytes(1 << 60, tmp_path)
