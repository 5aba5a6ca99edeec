"""Acquire puts DICOM and readings into place, and never touches the folder it takes them from."""

import os

import pytest

from lungml.errors import InputError, MissingInputError
from lungml.params.data import AcquireParams, PhantomParams
from lungml.stages.acquire import run

DICOM = b"\0" * 128 + b"DICM rest"


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "hospital"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "slice.dcm").write_bytes(DICOM)
    (folder / "a" / "no suffix").write_bytes(DICOM)
    (folder / "a" / "broken.DCM").write_bytes(b"not DICOM")
    (folder / "readings.xml").write_text("<LidcReadMessage/>")
    (folder / "notes.txt").write_text("not wanted")
    return folder


def local(folder):
    return AcquireParams(source="local", folder=folder)


def names_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_phantom_cohort_is_written_with_its_truth(tmp_path, monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "1")

    run(AcquireParams(phantom=PhantomParams(patients=4)), out=tmp_path / "raw")

    assert len(list((tmp_path / "raw" / "ct").rglob("readings.xml"))) == 4
    assert names_in(tmp_path / "raw" / "truth") == ["nodules.csv", "patients.csv"]


def test_dicom_and_xml_files_of_a_folder_are_taken_and_nothing_else(source, tmp_path):
    run(local(source), out=tmp_path / "raw")

    assert names_in(tmp_path / "raw" / "ct") == [
        "a/b/slice.dcm",
        "a/broken.DCM",
        "a/no suffix",
        "readings.xml",
    ]
    assert (tmp_path / "raw" / "ct" / "a" / "b" / "slice.dcm").read_bytes() == DICOM
    assert names_in(tmp_path / "raw" / "truth") == ["README"]


def test_files_are_linked_so_they_take_no_space(source, tmp_path):
    run(local(source), out=tmp_path / "raw")

    assert (tmp_path / "raw" / "ct" / "readings.xml").samefile(source / "readings.xml")


def test_where_links_cannot_be_made_files_are_copied(source, tmp_path, monkeypatch):
    def refuse(*_args, **_options):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    run(local(source), out=tmp_path / "raw")

    taken = tmp_path / "raw" / "ct" / "readings.xml"
    assert taken.read_text() == "<LidcReadMessage/>"
    assert not taken.samefile(source / "readings.xml")


def test_the_source_is_the_same_afterwards_even_if_the_output_is_removed(source, tmp_path):
    before = {path: (path.stat().st_mode, path.read_bytes()) for path in source.rglob("*") if path.is_file()}

    run(local(source), out=tmp_path / "raw")
    run(local(source), out=tmp_path / "raw")

    assert {
        path: (path.stat().st_mode, path.read_bytes()) for path in source.rglob("*") if path.is_file()
    } == before


def test_links_and_devices_are_not_followed(source, tmp_path):
    secret = tmp_path / "elsewhere.xml"
    secret.write_text("<secret/>")
    (source / "link.xml").symlink_to(secret)
    (source / "loop").symlink_to(source)
    os.mkfifo(source / "pipe.dcm")

    run(local(source), out=tmp_path / "raw")

    assert not [
        name
        for name in names_in(tmp_path / "raw" / "ct")
        if "link" in name or "loop" in name or "pipe" in name
    ]


@pytest.mark.parametrize("inside", ["raw", "a/raw"])
def test_an_output_inside_the_source_is_refused_before_anything_is_written(source, inside):
    with pytest.raises(InputError, match="inside one another"):
        run(local(source), out=source / inside)

    assert not (source / inside).exists()


def test_a_source_inside_the_output_is_refused_and_kept(source):
    with pytest.raises(InputError, match="inside one another"):
        run(local(source / "a"), out=source)

    assert (source / "a" / "b" / "slice.dcm").is_file()


def test_a_source_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MissingInputError, match=r"nowhere.*params\.yaml"):
        run(local(tmp_path / "nowhere"), out=tmp_path / "raw")


def test_a_source_without_dicom_is_an_error_and_keeps_the_old_output(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "old").write_text("kept")

    with pytest.raises(InputError, match="holds no DICOM"):
        run(local(tmp_path / "empty"), out=tmp_path / "raw")

    assert (tmp_path / "raw" / "old").read_text() == "kept"
