"""A card as Markdown, with the head that model hubs read, and as one HTML page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from lungml.report.cards.cards import MODEL, Card, Chapter, Checklist, Entry
from lungml.report.filling import fill
from lungml.report.trust.block import Grid

NOT_REPORTED = "not reported"
_SPECIAL = re.compile(r"([\\|\[\]<>*_])")
_TAGS = ["chest-ct", "lung-nodule", "medical-imaging", "lungml"]


def page(card: Card) -> str:
    """One HTML file that asks for nothing; its links lead to the evidence in the project."""
    return fill("card.html.j2", card=card, not_reported=NOT_REPORTED)


def markdown(card: Card) -> str:
    """The same as Markdown."""
    return "\n".join([*_head(card), f"# {card.title}", "", f"**{card.warning}**", "", *_body(card)])


def _head(card: Card) -> list[str]:
    """YAML that hubs read; JSON is YAML too."""
    facts: dict[str, object] = {"tags": _TAGS}
    if card.kind == MODEL:
        values = [{"type": name, "value": round(value, 4)} for name, value in card.results.items()]
        kind = {"type": "image-classification"}
        data = {"type": "lungml", "name": "test part"}
        results = [{"task": kind, "dataset": data, "metrics": values}]
        facts |= {
            "library_name": "lungml",
            "pipeline_tag": "image-classification",
            "model-index": [{"name": card.name, "results": results}],
        }
    else:
        facts["task_categories"] = ["image-classification"]
    return ["---", *(f"{name}: {json.dumps(value)}" for name, value in facts.items()), "---", ""]


def _body(card: Card) -> Iterator[str]:
    for chapter in card.chapters:
        yield from _chapter(chapter)
    for checklist in card.checklists:
        yield from _checklist(checklist)


def _chapter(chapter: Chapter) -> Iterator[str]:
    yield from (f"## {chapter.title}", "")
    yield from (f"- {_entry(entry)}" for entry in chapter.entries)
    if not chapter.entries:
        yield f"*{NOT_REPORTED}*"
    yield ""
    for grid in chapter.grids:
        yield from (f"{_plain(grid.caption)}:", "", *_table(grid), "")


def _checklist(checklist: Checklist) -> Iterator[str]:
    yield from (f"## {checklist.name}", "")
    yield f"{checklist.answered} of {len(checklist.rows)} items are answered; the items are in our words."
    yield from ("", "| item | asks for | answer |", "|---|---|---|")
    for number, asks, entries in checklist.rows:
        answer = "<br>".join(map(_entry, entries)) or f"*{NOT_REPORTED}*"
        yield f"| {number} | {_plain(asks)} | {answer} |"
    yield ""


def _table(grid: Grid) -> Iterator[str]:
    yield f"| {' | '.join(map(_plain, grid.header))} |"
    yield "|" + "---|" * len(grid.header)
    yield from (f"| {' | '.join(map(_plain, row))} |" for row in grid.rows)


def _entry(entry: Entry) -> str:
    return f"{_plain(entry.text)} ([evidence]({entry.link}))"


def _plain(text: str) -> str:
    """Text that Markdown shows as it is: it may come out of a file of somebody else."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))
