"""What whole tables fail, and how it is told."""

import pytest
from contract_runs import failing, run_suite
from index_tables import make_index

from lungml.params.data import CheckParams, LabelParams


def test_two_series_with_one_image_are_both_named_and_a_warning(tmp_path):
    tables = make_index(40)
    tables.series.loc[3, "pixels_sha256"] = tables.series.loc[5, "pixels_sha256"]

    (check,) = failing(run_suite("series", tables, tmp_path))

    assert (check.column, check.rows, check.stops) == ("pixels_in_series", ["1.2.0003", "1.2.0005"], False)


@pytest.mark.parametrize("name", ["series", "nodules", "patients"])
def test_an_empty_table_fails(name, tmp_path):
    tables = make_index(40)
    for frame in (tables.series, tables.readings, tables.nodules):
        frame.drop(frame.index, inplace=True)

    found = failing(run_suite(name, tables, tmp_path))

    assert [(check.expectation, check.found) for check in found] == [
        ("expect_table_row_count_to_be_between", "0")
    ]


def test_a_rare_class_is_named(tmp_path):
    tables = make_index(60)
    high = tables.nodules["scores"].map(lambda scores: sum(scores) >= 13)
    tables.nodules.loc[high, "scores"] = tables.nodules.loc[high, "scores"].map(lambda _: [4, 4, 4])
    tables.nodules.at[0, "scores"] = [5, 5, 5]

    found = {check.column: check.rows for check in failing(run_suite("labels", tables, tmp_path))}

    assert found == {
        "share": ["five: 5 highly suspicious"],
        "patients": ["five: 5 highly suspicious"],
    }


def test_class_shares_are_those_of_the_label_policy(tmp_path):
    tables = make_index(60)
    strict = LabelParams(min_readers=4)

    found = failing(run_suite("labels", tables, tmp_path, labels=strict))

    assert {check.column: check.unexpected_count for check in found} == {"share": 7, "patients": 7}


def test_patients_are_checked_without_being_named(tmp_path):
    tables = make_index(40)
    tables.series.loc[0, "patient_id"] = ""
    tables.series.loc[2, "patient_id"] = tables.series.loc[1, "patient_id"]
    tables.series.loc[2, "sex"] = "M"
    tables.nodules.drop(tables.nodules.index[tables.nodules["series_uid"] == "1.2.0003"], inplace=True)

    found = {check.column: check.rows for check in failing(run_suite("patients", tables, tmp_path))}

    assert found["named"] == ["1.2.0000"]
    assert found["n_sexes"] == ["1.2.0001"]
    assert "1.2.0003" in found["n_nodules"]


def test_limits_come_from_the_parameters(tmp_path):
    tables = make_index(40)

    found = failing(run_suite("images", tables, tmp_path, CheckParams(slice_spacing_mm=(0.3, 2.0))))

    assert [(check.column, check.unexpected_count, len(check.rows)) for check in found] == [
        ("spacing_z_mm", 40, 20)
    ]


def test_limits_that_run_downwards_are_refused():
    with pytest.raises(ValueError, match=r"checks\.spacing_mm is \[3, 0\.3\]"):
        CheckParams(spacing_mm=(3.0, 0.3))
