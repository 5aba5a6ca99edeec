import pytest
from shared_data import SHARED_DATA, needs_shared_data

from lungml.diagnoses import DIAGNOSES, diagnoses_text, parse_diagnoses
from lungml.errors import InputError


def test_other_columns_are_passed_over_and_rows_are_sorted():
    table = parse_diagnoses("note,patient_id,diagnosis\nx,b,2\n,a,0\n\n")

    assert table.to_dict("list") == {"patient_id": ["a", "b"], "diagnosis": [0, 2]}


def test_a_table_is_read_back_as_it_was_written():
    table = parse_diagnoses('patient_id,diagnosis\n"x, y",1\nz,3\n')

    assert parse_diagnoses(diagnoses_text(table)).equals(table)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has the columns"),
        ("patient,diagnosis\na,1\n", "expected patient_id, diagnosis"),
        ("patient_id,diagnosis\na,4\n", "line 2: .* found diagnosis '4'"),
        ("patient_id,diagnosis\na\n", "line 2"),
        ("patient_id,diagnosis\n,1\n", "line 2"),
        ("patient_id,diagnosis\na,1\na,2\n", "line 3"),
    ],
)
def test_a_wrong_table_is_refused_and_its_line_named(text, said):
    with pytest.raises(InputError, match=said):
        parse_diagnoses(text)


@needs_shared_data
def test_tcias_table_of_lidc_is_read_as_it_is():
    table = parse_diagnoses((SHARED_DATA / "lidc_tables/patient_diagnosis.csv").read_text())

    # Counted in the file by hand: 20 unknown, 24 benign, 31 primary, 39 metastases.
    assert {code: int((table["diagnosis"] == code).sum()) for code in DIAGNOSES} == {
        0: 20,
        1: 24,
        2: 31,
        3: 39,
    }
    assert table["patient_id"].str.startswith("LIDC-IDRI-").all()
