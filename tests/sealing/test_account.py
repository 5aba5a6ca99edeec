from ledger_lines import comparison, opening

from lungml.sealing.account import account, are_first, reopened_warning, without_reason


def test_one_opening_is_said_to_be_one():
    assert account([opening()], []) == "The test part was opened once for this task."
    assert account([], []) == "The ledger has no opening of the test part for this task."


def test_comparisons_are_counted_apart_from_openings_and_those_of_the_gate_named():
    assert account([opening(), opening("c", "a bug")], [comparison(), comparison("gate"), comparison()]) == (
        "The test part was opened 2 times for this task; saved answers on it were compared 3 times (1 by the "
        "promotion gate)."
    )
    assert account([opening()], [comparison()]).endswith("; saved answers on it were compared once.")


def test_only_openings_of_the_same_test_part_that_gave_no_reason_flatter():
    openings = [
        opening(),
        opening("c", "a bug was mended"),
        opening("d"),
        opening("e", split_sha256="f" * 64),
        opening("f", split_sha256="f" * 64),
    ]

    assert are_first(openings) == [True, False, False, True, False]
    assert without_reason(openings) == 2
    assert "2 time(s) of these again without a reason" in account(openings, [])


def test_the_warning_says_what_is_wrong_with_it_and_how_to_give_a_reason():
    said = reopened_warning([opening(), opening("c")])

    assert said.startswith("The test part was opened 2 times for this task. 1 time(s) of these again without")
    assert "the best is better by luck alone" in said
    assert "LUNGML_TEST_REASON=" in said
