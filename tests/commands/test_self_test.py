"""The table and the exit code; what is in the table is tested in tests/selftest."""

import pytest
from click.testing import CliRunner

from lungml.cli import lungml
from lungml.errors import FoundError
from lungml.selftest import run
from lungml.selftest.outcome import Outcome

GOOD = Outcome("12 corner pixel", "a bright pixel in class 1", "LM-V016", "LM-V016", True)
BAD = Outcome("no signal", "labels drawn at random", "nothing", "diameter", False)


def call(monkeypatch, words, *outcomes):
    monkeypatch.setattr(run, "self_test", lambda: iter(outcomes))
    return CliRunner().invoke(lungml, words, catch_exceptions=False, standalone_mode=False)


@pytest.mark.parametrize("words", [["self-test"], ["audit", "--self-test"]])
def test_each_verdict_is_a_row_of_the_table(monkeypatch, words):
    lines = call(monkeypatch, words, GOOD).output.splitlines()

    assert " ".join(lines[1].split()) == "ok 12 corner pixel a bright pixel in class 1 LM-V016 LM-V016"
    assert lines[-1] == "All 1 verdicts are as they must be."


def test_a_wrong_verdict_ends_with_code_8(monkeypatch):
    with pytest.raises(FoundError, match="1 of 2 verdicts are wrong") as caught:
        call(monkeypatch, ["self-test"], GOOD, BAD)

    assert caught.value.exit_code == 8


def test_long_cells_are_wrapped_and_stay_in_their_column(monkeypatch):
    wide = Outcome("a", "word " * 20, "b", "c", True)

    lines = call(monkeypatch, ["self-test"], wide).output.splitlines()

    column = lines[1].index("word")
    assert lines[2].index("word") == column
    assert max(len(line) for line in lines) < 150
