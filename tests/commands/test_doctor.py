"""`lungml doctor` and `lungml idc` on the command line."""

import pytest
from click.testing import CliRunner

from lungml.commands.doctor import command as doctor
from lungml.commands.idc import command as idc
from lungml.errors import FoundError, MissingInputError


def call(command, *words):
    return CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=False)


def test_what_needs_a_look_ends_with_code_8(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    result = CliRunner().invoke(doctor, [])

    looks = [line.split()[1] for line in result.output.splitlines() if line.startswith("look ")]
    assert isinstance(result.exception, FoundError)
    assert result.exception.exit_code == 8
    assert {"parameters", "DVC"} <= set(looks)  # a full disk, say, may add to these
    assert f"{len(looks)} things need a look" in str(result.exception)


def test_an_index_alone_needs_no_workspace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "i").mkdir()
    (tmp_path / "i" / "summary.json").write_text('{"series": 1, "patients": 1, "nodules": 2, "readings": 3}')

    result = call(doctor, "--index", "i")

    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "ok    index       1 series, 1 patients, 2 nodules, 3 readings",
        "ok    ledger      nothing was wrong with any file",
    ]


def test_an_index_that_is_not_there_is_told(tmp_path):
    with pytest.raises(MissingInputError):
        call(doctor, "--index", tmp_path)


def test_the_size_of_a_selection_is_told_offline():
    result = call(idc, "size", "--max-patients", 3)

    assert "3 CT series of 3 patients, 534 images, 0.3 GB" in result.output
    assert "LIDC-XML-only.zip" in result.output


def test_a_selection_is_listed_by_patient():
    lines = call(idc, "list", "--patient", "LIDC-IDRI-0001").output.splitlines()

    assert lines[1].split() == ["LIDC-IDRI-0001", "1", "133", "0.070"]
