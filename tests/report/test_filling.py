from lungml.report.cards.cards import Card, Chapter, Entry
from lungml.report.filling import fill


def card_of(text):
    chapters = [Chapter("Model", [Entry(text, "a.json")], [])]
    return fill(
        "card.html.j2",
        card=Card("model card", "A card", "a model", "a warning", {}, chapters, []),
        not_reported="not reported",
    )


def test_words_between_backticks_are_code():
    assert "run <code>dvc repro</code> now" in card_of("run `dvc repro` now")


def test_what_is_between_backticks_is_escaped_too():
    page = card_of("`<script>` and <b>")

    assert "<code>&lt;script&gt;</code> and &lt;b&gt;" in page
    assert "<script>" not in page
