"""The table of all tasks, of numbers that are written here."""

from lungml.report.table import HEADER, table_rows

NUMBERS = {
    "weighted_auprc": 0.75,
    "weighted_auprc_low": 0.625,
    "weighted_auprc_high": 0.875,
    "weighted_auprc_chance": 0.25,
    "diameter_weighted_auprc": 0.5,
    "f1_weighted": 0.7004,
    "balanced_accuracy": 0.5,
    "version": 2,
}


def test_a_row_has_a_cell_for_each_name_of_the_header():
    (row,) = table_rows({"nodule-binary": NUMBERS})

    assert dict(zip(HEADER, row, strict=True)) == {
        "task": "nodule-binary",
        "weighted AUPRC (95 % interval)": "0.750 (0.625 to 0.875)",
        "chance": "0.250",
        "diameter only": "0.500",
        "F1": "0.700",
        "balanced accuracy": "0.500",
        "version": "2",
    }


def test_without_an_interval_the_value_stands_alone():
    (row,) = table_rows({"nodule-five": NUMBERS | {"weighted_auprc_low": None}})

    assert row[1] == "0.750"


def test_a_model_that_is_not_registered_is_called_so():
    (row,) = table_rows({"nodule-five": NUMBERS | {"version": None}})

    assert row[-1] == "not registered"
