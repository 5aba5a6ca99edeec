import pytest
from index_tables import make_index, write_index

from lungml.checks.result import Check, build_result, raise_if_failed, require_success, warnings
from lungml.errors import ChecksFailedError, InputError, MissingInputError
from lungml.files import write_json
from lungml.params.data import LabelParams


def check(success=False, severity="critical", rows=("1.2", "1.3")):
    return Check(
        expectation="expect_column_values_to_be_between",
        column="spacing_z_mm",
        severity=severity,
        expected="distance between planes is between 0.3 and 5 mm",
        success=success,
        unexpected_count=len(rows),
        found="2 of 9 rows (7.5)",
        rows=list(rows),
    )


@pytest.fixture
def index(tmp_path):
    write_index(tmp_path / "index", make_index(12))
    return tmp_path / "index"


def test_a_failed_check_is_told_with_found_expected_and_rows(tmp_path):
    with pytest.raises(ChecksFailedError) as caught:
        raise_if_failed({"series": [check(), check(success=True)]}, tmp_path / "docs")

    assert caught.value.exit_code == 11
    assert "1 of 2 checks" in str(caught.value)
    assert (
        "series.spacing_z_mm: expected that distance between planes is between 0.3 and 5 mm; "
        "found 2 of 9 rows (7.5): 1.2, 1.3" in str(caught.value)
    )
    assert str(tmp_path / "docs" / "index.html") in str(caught.value)


def test_a_message_names_five_rows_and_counts_the_others(tmp_path):
    with pytest.raises(ChecksFailedError, match=r"1\.0, 1\.1, 1\.2, 1\.3, 1\.4 and 3 more"):
        raise_if_failed({"series": [check(rows=[f"1.{number}" for number in range(8)])]}, tmp_path)


def test_a_warning_does_not_stop(tmp_path):
    suites = {"series": [check(severity="warning")]}

    raise_if_failed(suites, tmp_path)

    assert len(warnings(suites)) == 1


def test_the_gate_opens_for_checked_tables(index):
    write_json(
        index / "result.json", build_result({"series": [check(severity="warning")]}, index, LabelParams())
    )

    require_success(index, index, LabelParams())


def test_the_gate_stays_shut_without_checks(index):
    with pytest.raises(MissingInputError):
        require_success(index, index, LabelParams())


def test_the_gate_stays_shut_after_failed_checks(index):
    write_json(index / "result.json", build_result({"series": [check()]}, index, LabelParams()))

    with pytest.raises(ChecksFailedError, match="checks of the data failed"):
        require_success(index, index, LabelParams())


@pytest.mark.parametrize("content", [[], {}, {"success": True}])
def test_the_gate_refuses_a_file_that_is_no_result(index, content):
    write_json(index / "result.json", content)

    with pytest.raises(InputError, match="is not a result of the checks"):
        require_success(index, index, LabelParams())


def test_the_gate_refuses_checks_of_other_tables(index):
    write_json(index / "result.json", build_result({}, index, LabelParams()))
    tables = make_index(12)
    tables.nodules.loc[0, "diameter_mm"] = 7.5
    write_index(index, tables)

    with pytest.raises(InputError, match="about other tables"):
        require_success(index, index, LabelParams())


def test_the_gate_refuses_checks_under_another_label_policy(index):
    write_json(index / "result.json", build_result({}, index, LabelParams()))

    with pytest.raises(InputError, match="another label policy"):
        require_success(index, index, LabelParams(threes="drop"))
