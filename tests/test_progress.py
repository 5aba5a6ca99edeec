import io
import sys

import pytest

from lungml import progress
from lungml.progress import duration, say, track


def test_track_yields_every_item_in_order_and_says_when_it_is_done(capsys):
    assert list(track("abc", "reading", 3)) == ["a", "b", "c"]
    assert "reading: 3 of 3" in capsys.readouterr().err


def test_a_line_says_how_long_the_rest_takes_at_the_pace_so_far(capsys, monkeypatch):
    """The clock goes on by 50 s with each of four items."""
    clock = iter([0.0, 50.0, 100.0, 150.0, 200.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))

    list(track("abcd", "members", 4))

    said = capsys.readouterr().err.splitlines()
    assert said[0] == "  members: 1 of 4, 50 s, about 2 min 30 s left"
    assert said[-1] == "  members: 4 of 4, 200 s"


def test_items_that_an_earlier_run_had_finished_do_not_count_for_the_pace(capsys, monkeypatch):
    """After a start of 5 s two are there at once; the third takes 50 s, so the last one will too."""
    clock = iter([0.0, 5.0, 5.1, 55.1, 105.1])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))

    list(track("abcd", "members", 4))

    assert capsys.readouterr().err.splitlines()[0] == "  members: 3 of 4, 55 s, about 50 s left"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.2, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (125, "2 min 05 s"), (12_000, "3 h 20 min")],
)
def test_a_duration_is_written_for_people(seconds, words):
    assert duration(seconds) == words


def test_an_empty_list_has_no_progress(capsys):
    assert list(track([], "reading", 0)) == []
    assert capsys.readouterr().err == ""


def test_a_line_is_written_with_its_end_so_that_lines_of_several_threads_stay_apart(monkeypatch):
    class Pieces(io.StringIO):
        def write(self, text):
            pieces.append(text)
            return super().write(text)

    pieces = []
    monkeypatch.setattr(sys, "stderr", Pieces())

    say("index: 3 of 4")

    assert [piece for piece in pieces if piece] == ["index: 3 of 4\n"]
