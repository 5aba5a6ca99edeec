"""The two cards of a model as sections: facts of the run, statements of people, and what nobody reported."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lungml.errors import ParamsError
from lungml.report import wording
from lungml.report.cards.checklists import CHECKLISTS
from lungml.report.cards.data_facts import DATA_FACTS
from lungml.report.cards.fact import PARAMS, Fact, Finder
from lungml.report.cards.made_facts import MADE_FACTS
from lungml.report.cards.measured_facts import MEASURED_FACTS
from lungml.report.cards.sources import Sources
from lungml.report.collect import CARDS
from lungml.report.summary import number_of
from lungml.report.trust.block import Grid, with_interval
from lungml.report.trust.groups import groups_block
from lungml.report.trust.operating import operating_block
from lungml.report.trust.probabilities import calibration_block

FACTS: dict[str, Finder] = DATA_FACTS | MADE_FACTS | MEASURED_FACTS
MODEL, DATA = CARDS

CHAPTERS = {
    MODEL: {
        "Model": ("what", "architecture", "ensemble", "initial", "output", "software"),
        "Intended use": ("use",),
        "How to use it": ("usage", "inputs", "preprocessing"),
        "Results": ("headline", "auroc", "uncertainty", "power"),
        "Calibration and thresholds": ("calibration", "recalibration", "thresholds"),
        "Subgroups": ("subgroups",),
        "Beside readers": ("agreement",),
        "Where it looks, and what it does not know": ("maps", "unusual"),
        "Training": ("sizes", "training", "tuning", "augmentation", "imbalance"),
        "Limits": ("limits",),
        "Ethics, funding, contact": (),
        "Lineage": ("lineage",),
    },
    DATA: {
        "Why these data": (),
        "What they are": ("source", "flow", "sizes", "people"),
        "How they were collected": ("scanners", "retrospective"),
        "Labels": ("outcome", "readers", "agreement", "policies"),
        "Preparation": ("eligibility", "missing", "excluded", "checks"),
        "Parts": ("division", "disjoint", "parts_alike"),
        "Privacy": ("deidentified",),
        "Consent, licence, distribution": (),
        "Limits": ("limits",),
        "Lineage": ("lineage",),
    },
}
"""Card -> its chapters -> the facts that are told there."""


@dataclass(frozen=True)
class Entry:
    """One answer; its evidence as a link relative to the card, '' for what people say."""

    text: str
    link: str


@dataclass(frozen=True)
class Chapter:
    """A heading and what is known; without entries it is not reported."""

    title: str
    entries: list[Entry]
    grids: list[Grid]


@dataclass(frozen=True)
class Checklist:
    """The items of a guideline: number, what it asks, and the answers."""

    name: str
    rows: list[tuple[str, str, list[Entry]]]

    @property
    def answered(self) -> int:
        """Items with an answer."""
        return sum(bool(entries) for _, _, entries in self.rows)


@dataclass(frozen=True)
class Card:
    """A card, ready to be written."""

    kind: str
    title: str
    name: str
    """Of the registered model."""
    warning: str
    results: Mapping[str, float]
    """Metric -> value on test, of a model card."""
    chapters: list[Chapter]
    checklists: list[Checklist]


@dataclass(frozen=True)
class Answers:
    """What the run and people say, for a card that will lie in `folder`."""

    sources: Sources
    folder: Path

    @cached_property
    def facts(self) -> dict[str, Fact]:
        """Every fact that the run has."""
        found = {name: find(self.sources) for name, find in FACTS.items()}
        return {name: fact for name, fact in found.items() if fact is not None}

    def of(self, names: Iterable[str], key: str) -> list[Entry]:
        """Entries of facts, and of the statement called `key`."""
        said = self.sources.stated.statements.get(key)
        known = [self.facts[name] for name in names if name in self.facts]
        return [
            *(Entry(fact.text, self._link(fact.where)) for fact in known),
            *([] if said is None else [Entry(said, self._link(PARAMS))]),
        ]

    def _link(self, where: Path) -> str:
        return Path(os.path.relpath(where, self.folder)).as_posix()


def make_cards(sources: Sources, folder: Path) -> list[Card]:
    """The model card and the data card; the items of the guidelines are on the first."""
    answers = Answers(sources, folder)
    metrics = sources.metrics["raw"]
    name = sources.task.registered_model
    results = {each: found["value"] for each, found in metrics.items() if found["value"] is not None}
    chapters = {kind: _chapters(kind, answers) for kind in CHAPTERS}
    about = wording.task_name(sources.task)
    return [
        Card(
            MODEL,
            f"Model card: {about}",
            name,
            wording.RATING,
            results,
            chapters[MODEL],
            _checklists(answers),
        ),
        Card(DATA, f"Data card: {about}", name, wording.RATING, {}, chapters[DATA], []),
    ]


def check_statements(statements: Mapping[str, str]) -> None:
    """Refuse a statement on something that no card has.

    Raises:
        ParamsError: a key is neither an item nor a chapter.
    """
    known = {f"{name} {item.number}" for name, items in CHECKLISTS.items() for item in items}
    known |= {_key(kind, title) for kind, chapters in CHAPTERS.items() for title in chapters}
    unknown = sorted(set(statements) - known)
    if unknown:
        raise ParamsError(
            f"card.statements has {', '.join(map(repr, unknown))}, which is no item of "
            f"{' or '.join(CHECKLISTS)} (such as 'TRIPOD+AI 18a') and no chapter (such as "
            f"'{_key(MODEL, 'Ethics, funding, contact')}')"
        )


def _key(kind: str, title: str) -> str:
    return f"{kind}: {title}"


def _chapters(kind: str, answers: Answers) -> list[Chapter]:
    grids = _grids(answers.sources) if kind == MODEL else {}
    return [
        Chapter(title, answers.of(names, _key(kind, title)), grids.get(title, []))
        for title, names in CHAPTERS[kind].items()
    ]


def _checklists(answers: Answers) -> list[Checklist]:
    return [
        Checklist(
            name,
            [(item.number, item.asks, answers.of(item.facts, f"{name} {item.number}")) for item in items],
        )
        for name, items in CHECKLISTS.items()
    ]


def _grids(sources: Sources) -> dict[str, list[Grid]]:
    """Tables of the model card, by chapter."""
    trust = sources.trust
    return {
        "Results": [_metrics(sources)],
        "Calibration and thresholds": calibration_block(trust).grids + operating_block(trust).grids,
        "Subgroups": groups_block(trust).grids,
    }


def _metrics(sources: Sources) -> Grid:
    raw, diameter = sources.metrics["raw"], sources.metrics["baselines"].get("diameter", {})
    rows = [
        (
            title,
            with_interval(number_of(raw, name)),
            wording.number(number_of(raw, name)["chance"]),
            wording.number(number_of(diameter, name)["value"]),
        )
        for name, title in wording.METRIC_NAMES.items()
        if name in raw
    ]
    n, patients = sources.metrics["n"], sources.metrics["patients"]
    header = ("metric", "model", "chance", "diameter only")
    return Grid(f"On {n} test nodules of {patients} patients", header, rows)
