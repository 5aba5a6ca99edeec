"""What two runs were made with, of runs that are written here."""

from dataclasses import replace

from compared_sides import side

from lungml.report.compare.differences import differing
from lungml.report.compare.sides import UNKNOWN

RUN = side()


def test_a_run_and_itself_differ_in_nothing():
    found = differing(RUN, RUN)

    assert found.rows == []
    assert found.same == ["code (git commit)", "data", "trained model", "label policy"]
    assert found.note == ""


def test_what_differs_is_shown_with_both_values_and_checksums_by_their_start():
    other = replace(RUN, lineage=RUN.lineage | {"bundle_sha256": "b" * 64})

    assert differing(RUN, other).rows == [("trained model", "a" * 12, "b" * 12)]


def test_a_parameter_that_one_run_lacks_is_not_recorded_there():
    other = replace(RUN, params={"finetune.epochs": "30", "finetune.patience": "5"})

    assert differing(RUN, other).rows == [
        ("finetune.epochs", "20", "30"),
        ("finetune.patience", UNKNOWN, "5"),
    ]


def test_what_neither_run_recorded_is_neither_the_same_nor_different():
    first, second = (replace(RUN, policy=UNKNOWN, lineage={}) for _ in range(2))

    found = differing(first, second)

    assert (found.rows, found.same) == ([], [])


def test_a_run_without_its_parameters_is_named_and_they_are_not_compared():
    found = differing(RUN, replace(RUN, params={}))

    assert found.rows == []
    assert found.note.startswith("The second run has no record of its parameters")
