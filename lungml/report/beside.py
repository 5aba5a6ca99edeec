"""The short table of a task: the model, what saw less than it, and whether the model is better than that."""

from __future__ import annotations

from dataclasses import dataclass

from lungml.evaluation.caveats import metadata_warning
from lungml.report import wording
from lungml.report.collect import Json
from lungml.report.published import LABEL, SEED_STUDY
from lungml.report.summary import HEADLINE, number_of
from lungml.terms import Target, Task

_COLUMNS = {
    Target.BINARY: (HEADLINE, "auroc", "f1_weighted", "balanced_accuracy", "brier"),
    Target.FIVE: (HEADLINE, "auroc", "qwk", "mae_macro", "f1_weighted", "balanced_accuracy"),
}
"""Metrics of the short table; all others are in the long one."""


@dataclass(frozen=True)
class BesideRow:
    """One line; `cells` are in the order of the table's columns, None is not measured."""

    kind: str
    """model, chance, baseline, absent or published: how it is set."""
    name: str
    note: str
    cells: list[Json]
    gain: Json
    """Of the model over this row, in the headline: value, low, high."""
    words: str
    """What that gain allows to say."""


@dataclass(frozen=True)
class Beside:
    """The table and the sentences below it."""

    columns: list[str]
    rows: list[BesideRow]
    notes: list[str]
    warning: str
    """What the metadata tell, where it is too much; else empty."""


def beside(task: Task, metrics: Json) -> Beside:
    """Gather it from `metrics.json`."""
    columns = [name for name in _COLUMNS[task.target] if name in metrics["raw"]]
    return Beside(
        columns=[wording.METRIC_NAMES[name] for name in columns],
        rows=[
            _plain("model", "The model", "", [number_of(metrics["raw"], name) for name in columns]),
            _plain("model", "with test-time views", "", _cells(metrics.get("tta", {}), columns)),
            _plain("chance", "Chance", "the class shares alone", _chances(metrics["raw"], columns)),
            *_baselines(metrics, columns),
            _published(task, columns),
        ],
        notes=[wording.comparison_note(metrics["comparisons"]), wording.power(metrics["comparisons"])],
        warning=_metadata_warning(metrics),
    )


def _baselines(metrics: Json, columns: list[str]) -> list[BesideRow]:
    """All that are known by name, also those that cannot be had here, with the reason."""
    found, seen, compared = metrics["baselines"], metrics["baselines_seen"], metrics["comparisons"]["rows"]
    rows = []
    for name, (title, what) in wording.BASELINE_NAMES.items():
        if name in found:
            note = "; ".join(text for text in (what, seen["notes"].get(name)) if text)
            gain = {part: compared[name][part] for part in ("value", "low", "high")}
            words = _of_the_model(compared[name]["words"])
            row = BesideRow("baseline", title, note, _cells(found[name], columns), gain, words)
        else:
            reason = f"not to be had here: {seen['absent'].get(name, 'not measured')}"
            row = _plain("absent", title, reason, [_NOTHING] * len(columns))
        rows.append(row)
    return rows


def _of_the_model(words: str) -> str:
    return f"model {words}" if words in {"better", "worse"} else words


def _published(task: Task, columns: list[str]) -> BesideRow:
    study = SEED_STUDY[task]
    note = (
        f"with test-time views {wording.number(study.tta)}; chance {wording.number(study.chance)}, "
        f"{study.n} nodules; for reference only"
    )
    headline = {**_NOTHING, "value": study.raw}
    return _plain("published", LABEL, note, [headline if name == HEADLINE else _NOTHING for name in columns])


_NOTHING: Json = {"value": None, "low": None, "high": None}


def _plain(kind: str, name: str, note: str, cells: list[Json]) -> BesideRow:
    return BesideRow(kind, name, note, cells, _NOTHING, "")


def _cells(values: Json, columns: list[str]) -> list[Json]:
    return [number_of(values, name) for name in columns]


def _chances(values: Json, columns: list[str]) -> list[Json]:
    return [{**_NOTHING, "value": number_of(values, name)["chance"]} for name in columns]


def _metadata_warning(metrics: Json) -> str:
    if not metrics["metadata_tell_the_label"]:
        return ""
    return metadata_warning(number_of(metrics["baselines"]["metadata"], "auroc"))
