import io
import sys

from lungml.progress import say, track


def test_track_yields_every_item_in_order_and_says_when_it_is_done(capsys):
    assert list(track("abc", "reading", 3)) == ["a", "b", "c"]
    assert "reading: 3 of 3" in capsys.readouterr().err


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
