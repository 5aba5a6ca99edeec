"""Acquire puts DICOM and readings into place, and never touches the folder it takes them from."""

import os
import shutil
import zipfile
from pathlib import Path

import pydicom
import pytest
from acquired import DICOM, local, names_in, run
from ct_files import body_hu, write_ct

from lungml.errors import InputError, MissingInputError
from lungml.params.data import AcquireParams, PhantomParams


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


def archive_of(folder, path):
    kind = {".zip": "zip", ".xz": "xztar", ".gz": "gztar", ".tar": "tar"}[path.suffix]
    Path(shutil.make_archive(str(path.parent / "made"), kind, folder)).rename(path)


@pytest.mark.parametrize("name", ["export.zip", "export.tar", "export.tar.gz", "export.tar.xz"])
def test_an_archive_is_taken_like_the_folder_in_it(source, tmp_path, name):
    archive_of(source, tmp_path / name)

    run(local(tmp_path / name), out=tmp_path / "raw")

    assert names_in(tmp_path / "raw") == [
        "ct/a/b/slice.dcm", "ct/a/broken.DCM", "ct/a/no suffix", "ct/readings.xml", "diagnoses.csv",
        "truth/README",
    ]  # fmt: skip


def test_archives_in_a_folder_are_taken_with_the_other_files(source, tmp_path):
    archive_of(source / "a", tmp_path / "one.zip")
    archive_of(source / "a" / "b", tmp_path / "two.tar.gz")
    for name in ("one.zip", "two.tar.gz"):
        (tmp_path / name).rename(source / name)

    run(local(source), out=tmp_path / "raw")

    assert names_in(tmp_path / "raw" / "ct") == [
        "a/b/slice.dcm", "a/broken.DCM", "a/no suffix",
        "archive1/b/slice.dcm", "archive1/broken.DCM", "archive1/no suffix", "archive2/slice.dcm",
        "readings.xml",
    ]  # fmt: skip


def test_readings_from_elsewhere_join_the_images(source, tmp_path):
    (source / "readings.xml").rename(tmp_path / "elsewhere.xml")
    (tmp_path / "xml").mkdir()
    (tmp_path / "elsewhere.xml").rename(tmp_path / "xml" / "1.xml")
    archive_of(tmp_path / "xml", tmp_path / "LIDC-XML-only.zip")
    params = AcquireParams(source="local", folder=source, readings=tmp_path / "LIDC-XML-only.zip")

    run(params, out=tmp_path / "raw")

    assert (tmp_path / "raw" / "ct" / "readings" / "1.xml").read_text() == "<LidcReadMessage/>"
    assert len(names_in(tmp_path / "raw" / "ct")) == 4


def test_an_archive_that_leads_outside_is_refused_and_keeps_the_old_output(tmp_path):
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "old").write_text("kept")
    with zipfile.ZipFile(tmp_path / "Doe_Jane.zip", "w") as archive:
        archive.writestr("../evil.dcm", DICOM)

    with pytest.raises(InputError, match=r"LM-D051 archive 1 of 1 in acquire\.folder") as caught:
        run(local(tmp_path / "Doe_Jane.zip"), out=tmp_path / "raw")

    assert "Doe" not in str(caught.value)
    assert names_in(tmp_path) == ["Doe_Jane.zip", "raw/old"]


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "slice.dcm").write_bytes(DICOM)

    with pytest.raises(InputError, match="neither a folder nor a zip or tar file"):
        run(local(tmp_path / "slice.dcm"), out=tmp_path / "raw")


def test_files_can_be_taken_without_their_patients(tmp_path, monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "1")
    write_ct(tmp_path / "in" / "Doe^Jane", body_hu()[:2])
    (tmp_path / "in" / "letter.xml").write_text("<letter>Dear Jane</letter>")
    params = AcquireParams(source="local", folder=tmp_path / "in", deidentify=True, key=tmp_path / "key")

    run(params, out=tmp_path / "raw")

    files = [path for path in (tmp_path / "raw").rglob("*") if path.is_file()]
    assert len([path for path in files if path.suffix == ".dcm"]) == 2
    assert not [path for path in files if b"Jane" in path.read_bytes() or "Jane" in str(path)]
    assert sorted(path.name for path in (tmp_path / "raw").iterdir()) == ["ct", "diagnoses.csv", "truth"]
    assert names_in(tmp_path / "raw" / "truth") == ["README", "deidentification.json"]


@pytest.mark.parametrize(
    ("folder", "patient", "is_told"),
    [("Doe_Jane", "MRN12345", True), ("x/MRN12345", "MRN12345", True), ("a", "MRN12345", False),
     ("LIDC-IDRI-0001", "LIDC-IDRI-0001", False)],
)  # fmt: skip
def test_names_that_tell_who_the_patient_is_are_told(tmp_path, capsys, folder, patient, is_told):
    write_ct(tmp_path / "in" / folder, body_hu()[:1], PatientID=patient)

    run(local(tmp_path / "in"), out=tmp_path / "raw")

    said = capsys.readouterr().err
    assert ("acquire.deidentify: true" in said) is is_told
    assert "Doe" not in said


TABLE = "patient_id,diagnosis,site\nLIDC-IDRI-0072,2,lung\nLIDC-IDRI-0100,1,\n"


def test_diagnoses_lie_beside_what_the_index_reads(source, tmp_path):
    (tmp_path / "diagnoses.csv").write_text(TABLE)

    run(local(source).model_copy(update={"diagnoses": tmp_path / "diagnoses.csv"}), out=tmp_path / "raw")

    written = (tmp_path / "raw/diagnoses.csv").read_text()
    assert written == "patient_id,diagnosis\nLIDC-IDRI-0072,2\nLIDC-IDRI-0100,1\n"
    assert "diagnoses.csv" not in names_in(tmp_path / "raw/ct")


def test_without_diagnoses_the_table_has_its_header_alone(source, tmp_path):
    run(local(source), out=tmp_path / "raw")

    assert (tmp_path / "raw/diagnoses.csv").read_text() == "patient_id,diagnosis\n"


def test_patients_of_diagnoses_get_the_pseudonyms_of_the_images(tmp_path):
    folder = tmp_path / "hospital"
    write_ct(folder / "series", body_hu(), PatientID="4711")
    (tmp_path / "diagnoses.csv").write_text("patient_id,diagnosis\n4711,2\n")
    params = local(folder).model_copy(
        update={"deidentify": True, "key": tmp_path / "study.key", "diagnoses": tmp_path / "diagnoses.csv"}
    )

    run(params, out=tmp_path / "raw")

    (patient, diagnosis) = (tmp_path / "raw/diagnoses.csv").read_text().splitlines()[1].split(",")
    first = next(path for path in (tmp_path / "raw/ct").rglob("*.dcm"))
    assert pydicom.dcmread(first, stop_before_pixels=True).PatientID == patient
    assert (patient.startswith("anon-"), diagnosis) == (True, "2")


def test_a_table_of_diagnoses_that_is_not_there_or_wrong_copies_nothing(source, tmp_path):
    (tmp_path / "wrong.csv").write_text("patient_id,diagnosis\nx,9\n")

    for name, error in (("none.csv", MissingInputError), ("wrong.csv", InputError)):
        with pytest.raises(error, match="diagnoses"):
            run(local(source).model_copy(update={"diagnoses": tmp_path / name}), out=tmp_path / "raw")

    assert not (tmp_path / "raw").exists()
