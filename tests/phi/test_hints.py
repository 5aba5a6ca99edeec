"""Forms that may tell who somebody is, in files that are written here."""

import pytest

from lungml.phi.hints import notes, telling_places


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("seen on 1950-03-17", "a date"),
        ("19500317", "a date"),
        ("call (030) 1234 5678", "a telephone number"),
        ("+49 30 1234 5678", "a telephone number"),
        ("to jane.doe@clinic.example", "an e-mail address"),
        ("MRN: 1234567", "a record number"),
        ("Patient no. 12345", "a record number"),
    ],
)
def test_a_note_is_told_by_its_form(tmp_path, text, what):
    (tmp_path / "a.txt").write_text(text)

    assert what in set(notes(tmp_path / "a.txt"))


@pytest.mark.parametrize("text", ["1.2.840.19500317.5", "1950-13-17", "0.7 0.8 2.5", "no. 12", "-1000 400"])
def test_uids_sizes_and_hu_are_no_notes(tmp_path, text):
    (tmp_path / "a.txt").write_text(text)

    assert list(notes(tmp_path / "a.txt")) == []


def test_only_files_of_text_are_read_for_notes(tmp_path):
    (tmp_path / "a.dcm").write_text("1950-03-17")

    assert list(notes(tmp_path / "a.dcm")) == []


def test_a_column_tells_only_where_a_value_in_it_does(tmp_path):
    (tmp_path / "a.csv").write_text("PatientName,patient_id,score\nDoe,LIDC-IDRI-0001,3\n,LIDC-IDRI-0002,4\n")

    assert list(telling_places(tmp_path / "a.csv")) == ["column PatientName"]


def test_an_element_tells_only_where_its_text_does(tmp_path):
    (tmp_path / "a.xml").write_text("<a><PatientName>Doe</PatientName><mrn>0001</mrn><z>Doe</z></a>")

    assert list(telling_places(tmp_path / "a.xml")) == ["element PatientName"]
