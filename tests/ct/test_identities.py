"""Who a DICOM file is about; the answers are the tags as written."""

import pytest
from ct_files import body_hu, write_ct

from lungml.ct.identities import identities_of, looks_anonymous, telling_tags


@pytest.mark.parametrize(
    "text",
    ["LIDC-IDRI-0001", "anon12ab", "Anonymous", "Patient 7", "phantom-003", "XXX", "", "0042", "removed"],
)
def test_a_usual_word_and_a_number_look_like_a_pseudonym(text):
    assert looks_anonymous(text)


@pytest.mark.parametrize("text", ["Doe^Jane", "12345", "MRN12345", "Case Western", "patience"])
def test_a_name_and_a_long_number_do_not(text):
    assert not looks_anonymous(text)


def test_words_that_tell_are_names_with_their_parts_ids_and_dates(tmp_path):
    (path,) = write_ct(
        tmp_path,
        body_hu()[:1],
        PatientName="Doe^Jane Ann",
        PatientID="4711-0815",
        PatientBirthDate="19500317",
    )

    words = identities_of(path)

    assert {"Doe^Jane Ann", "Doe", "Jane", "Ann", "4711-0815", "19500317"} <= words
    assert "" not in words


def test_a_pseudonym_and_a_date_that_stands_for_none_tell_nobody(tmp_path):
    known = {"PatientName": "LIDC-IDRI-0001", "PatientID": "LIDC-IDRI-0001", "PatientBirthDate": "19000101"}
    (path,) = write_ct(tmp_path / "anonymous", body_hu()[:1], **known)
    (other,) = write_ct(tmp_path / "named", body_hu()[:1], **known | {"PatientName": "Doe^Jane"})

    assert {"PatientName", "PatientID", "PatientBirthDate"} & set(telling_tags(path)) == set()
    assert "PatientName" in telling_tags(other)
    assert "19000101" not in identities_of(path)
