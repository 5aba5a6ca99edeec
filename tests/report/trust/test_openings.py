"""What is said of the ledger of the test part."""

from ledger_lines import comparison, opening

from lungml.report.trust.openings import openings_block


def test_a_test_part_opened_once_is_said_to_be():
    block = openings_block([opening()], [], "b" * 64)

    assert block.verdict == "The test part was opened once for this task."
    assert block.tone == "better"
    assert block.grids[0].rows == [("1", "b" * 12 + " (this one)", "f" * 12, "the first", "0.812", "nothing")]


def test_openings_again_are_counted_and_those_without_a_reason_too():
    block = openings_block([opening(), opening("c", "a bug was mended"), opening("d")], [], "d" * 64)

    assert "opened 3 times" in block.verdict
    assert "1 time(s) of these again without a reason" in block.verdict
    assert [row[3] for row in block.grids[0].rows] == ["the first", "a bug was mended", "no reason given"]
    assert block.tone == "worse"


def test_comparisons_of_saved_answers_are_told_with_what_they_were_for():
    lines = [comparison("gate"), comparison(reason="choose a backbone")]

    block = openings_block([opening()], lines, "b" * 64)

    assert "compared 2 times (1 by the promotion gate)" in block.verdict
    models = f"{'b' * 12} and {'c' * 12}"
    assert block.grids[1].rows == [
        (models, "the promotion gate", "f" * 12, "no reason given"),
        (models, "a person who compared runs", "f" * 12, "choose a backbone"),
    ]


def test_comparisons_are_listed_where_the_ledger_has_no_opening():
    block = openings_block([], [comparison("gate")], "b" * 64)

    assert block.verdict == (
        "The ledger has no opening of the test part for this task; saved answers on it were compared once (1 "
        "by the promotion gate)."
    )
    assert block.tone == "worse"
    (grid,) = block.grids
    assert (grid.caption, len(grid.rows)) == ("Saved answers compared", 1)


def test_an_empty_ledger_is_said_to_be():
    block = openings_block([], [], "b" * 64)

    assert block.verdict == "The ledger has no opening of the test part for this task."
    assert (block.tone, block.grids) == ("worse", [])


def test_who_and_when_stay_in_the_ledger_so_that_equal_histories_give_equal_pages():
    block = openings_block([opening()], [], "b" * 64)

    assert "2026" not in str(block)
    assert "0123456789ab" not in str(block)


def test_what_was_registered_before_is_told_with_what_does_not_hold():
    registered = {
        "primary_metric": "weighted_auprc",
        "compared_with": "diameter",
        "policy": "mean",
        "n": 237,
        "sha256": "e" * 64,
        "deviations": ["237 nodules (found 231)"],
    }

    (row,) = openings_block([opening(preregistered=registered)], [], "b" * 64).grids[0].rows

    assert row[-1] == (
        "weighted_auprc against diameter, policy mean, n 237; does not hold: 237 nodules (found 231)"
    )
