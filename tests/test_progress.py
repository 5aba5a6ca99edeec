from lungml.progress import track


def test_track_yields_every_item_in_order_and_says_when_it_is_done(capsys):
    assert list(track("abc", "reading", 3)) == ["a", "b", "c"]
    assert "reading: 3 of 3" in capsys.readouterr().err


def test_an_empty_list_has_no_progress(capsys):
    assert list(track([], "reading", 0)) == []
    assert capsys.readouterr().err == ""
