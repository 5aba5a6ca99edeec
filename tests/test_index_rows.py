"""Names of nodules in the index, of rows that are written here."""

from lungml.index_rows import Rows, number_nodules


def rows_of(*nodules):
    """Rows with a reading of each nodule; a nodule is (patient, series, number and given name)."""
    rows = Rows()
    for patient, series, ident in nodules:
        row = {"patient_id": patient, "series_uid": series, "nodule_id": ident}
        rows.tables["nodules"].append(dict(row))
        rows.tables["readings"].append(dict(row))
    return rows


def named(*nodules):
    rows = rows_of(*nodules)
    number_nodules(rows)
    return [row["nodule_id"] for row in rows.tables["nodules"]]


def test_nodules_of_a_patient_are_counted_over_all_series():
    found = named(("P", "1.2", "1"), ("P", "1.1", "1"), ("P", "1.1", "2"), ("Q", "1.3", "1"))

    assert found == ["P-n3", "P-n1", "P-n2", "Q-n1"]


def test_the_tenth_nodule_comes_after_the_second():
    numbers = [*range(3, 12), 1, 2]

    assert named(*(("P", "1.1", str(number)) for number in numbers)) == [f"P-n{n}" for n in numbers]


def test_a_given_name_is_kept_and_counts_as_a_nodule():
    assert named(("P", "1.1", "1 left upper"), ("P", "1.1", "2")) == ["P-left upper", "P-n2"]


def test_a_name_that_a_patient_has_twice_gets_a_number_behind_it():
    assert named(("P", "1.1", "1 a"), ("P", "1.2", "1 a"), ("Q", "1.3", "1 a")) == ["P-a", "P-a-n2", "Q-a"]


def test_readings_follow_their_nodule_and_those_of_none_stay_so():
    rows = rows_of(("P", "1.1", "1"), ("P", "1.2", "1"))
    rows.tables["readings"].append({"patient_id": "P", "series_uid": "1.2", "nodule_id": ""})

    number_nodules(rows)

    assert [row["nodule_id"] for row in rows.tables["readings"]] == ["P-n1", "P-n2", ""]


def test_rows_are_added_table_by_table():
    rows, other = rows_of(("P", "1.1", "1")), rows_of(("Q", "1.2", "1"))

    rows.add(other)

    assert [row["patient_id"] for row in rows.tables["nodules"]] == ["P", "Q"]
    assert rows.tables["slices"] == []
