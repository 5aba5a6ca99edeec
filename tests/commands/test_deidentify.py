"""`lungml deidentify` and `lungml phi` on the command line."""

import json
import stat

import pydicom
import pytest
from click.testing import CliRunner
from ct_files import body_hu, write_ct

from lungml.commands.deidentify import command as deidentify
from lungml.commands.phi import command as phi
from lungml.errors import FoundError, InputError, MissingInputError, ParamsError


@pytest.fixture(autouse=True)
def _own_configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "1")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def source(tmp_path):
    write_ct(tmp_path / "in" / "Doe^Jane", body_hu()[:2])
    return tmp_path / "in"


def call(command, *words):
    return CliRunner().invoke(command, [str(word) for word in words], catch_exceptions=False)


def test_a_copy_is_made_with_a_key_only_its_owner_can_read(source, tmp_path):
    result = call(deidentify, source, tmp_path / "out")

    key = tmp_path / "config" / "lungml" / "deidentify.key"
    assert result.exit_code == 0
    assert "2 x CT image" in result.output
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_text().strip() not in result.output


def test_the_same_key_gives_the_same_pseudonyms_and_another_gives_others(source, tmp_path):
    for out, key in (("1", "one"), ("2", "one"), ("3", "two")):
        call(deidentify, source, tmp_path / out, "--key", tmp_path / key)

    ids = [
        pydicom.dcmread(next((tmp_path / out).rglob("*.dcm")), stop_before_pixels=True).PatientID
        for out in "123"
    ]
    assert ids[0] == ids[1] != ids[2]


def test_a_key_that_others_can_read_is_refused(source, tmp_path):
    call(deidentify, source, tmp_path / "1", "--key", tmp_path / "key")
    (tmp_path / "key").chmod(0o644)

    with pytest.raises(InputError, match="chmod 600"):
        call(deidentify, source, tmp_path / "2", "--key", tmp_path / "key")


@pytest.mark.parametrize("content", [b"", b"secret", b"0" * 63, b"g" * 64])
def test_a_file_that_is_no_key_is_refused_and_kept(source, tmp_path, content):
    (tmp_path / "key").write_bytes(content)
    (tmp_path / "key").chmod(0o600)

    with pytest.raises(InputError, match="holds no key"):
        call(deidentify, source, tmp_path / "out", "--key", tmp_path / "key")

    assert (tmp_path / "key").read_bytes() == content


@pytest.mark.parametrize("place", ["in/key", "out/key"])
def test_a_key_among_the_data_is_refused(source, tmp_path, place):
    with pytest.raises(ParamsError, match="travel with it"):
        call(deidentify, source, tmp_path / "out", "--key", tmp_path / place)


@pytest.mark.parametrize("out", ["in", "in/deeper", "."])
def test_out_and_in_must_be_apart(source, tmp_path, out):
    with pytest.raises(ParamsError, match=r"not empty|inside one another"):
        call(deidentify, source, tmp_path / out)


def test_a_folder_with_something_in_it_is_not_written(source, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("kept")

    with pytest.raises(ParamsError, match="not empty"):
        call(deidentify, source, tmp_path / "out")

    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingInputError, match="nowhere"):
        call(deidentify, tmp_path / "nowhere", tmp_path / "out")


def test_what_is_found_ends_with_code_8_and_no_value(source, tmp_path, capsys):
    with pytest.raises(FoundError) as caught:
        call(phi, source, "--known", source, "--report", tmp_path / "report.json")

    report = (tmp_path / "report.json").read_text()
    assert caught.value.exit_code == 8
    assert {place["where"] for place in json.loads(report)} >= {"the name", "tag PatientName"}
    for word in ("Doe", "Jane", "MRN12345", "19500101"):
        assert word not in report + str(caught.value)


def test_after_deidentification_nothing_is_found(source, tmp_path):
    call(deidentify, source, tmp_path / "out")

    result = call(phi, tmp_path / "out", "--known", source)

    assert result.exit_code == 0
    assert "nothing found" in result.output


def test_words_can_be_given_as_a_list(source, tmp_path):
    (tmp_path / "words.txt").write_text("MRN12345\n")

    with pytest.raises(FoundError, match=r"of 2 file\(s\)"):
        call(phi, source, "--known", tmp_path / "words.txt")


def test_an_empty_list_is_refused(source, tmp_path):
    (tmp_path / "words.txt").write_text("\nab\n")

    with pytest.raises(InputError, match="no words"):
        call(phi, source, "--known", tmp_path / "words.txt")
