import pandas as pd

from lungml.report.flow import part_rows, suites
from lungml.terms import Target


def test_parts_count_patients_once_and_every_class():
    split = pd.DataFrame(
        {
            "patient_id": ["a", "a", "b", "c"],
            "part": ["train", "train", "train", "test"],
            "binary": [0, 1, -1, 1],
            "five": [0, 4, 2, 3],
        }
    )

    train, val, test = part_rows(split)

    assert (train.patients, train.nodules) == (2, 3)
    assert train.classes == {Target.BINARY: [1, 1], Target.FIVE: [1, 0, 1, 0, 1]}
    assert train.left_out == {Target.BINARY: 1, Target.FIVE: 0}
    assert (val.patients, test.classes[Target.FIVE]) == (0, [0, 0, 0, 1, 0])


def test_a_failed_check_names_its_column_and_what_was_found():
    check = {
        "expectation": "expect_column_values_to_be_between",
        "column": "kvp",
        "severity": "critical",
        "expected": "values are between 70 and 150",
        "success": False,
        "unexpected_count": 3,
        "found": "3 of 10 rows",
    }
    result = {"suites": [{"name": "series", "checks": [check, {**check, "severity": "warning"}]}]}

    (suite,) = suites(result)

    assert suite.failed == ["kvp: expected that values are between 70 and 150; found 3 of 10 rows"]
    assert len(suite.warnings) == 1
