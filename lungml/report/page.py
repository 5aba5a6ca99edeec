"""The page: what the template shows, and the HTML it becomes. Equal inputs give equal bytes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lungml.report import notes, wording
from lungml.report.beside import Beside, beside
from lungml.report.collect import Cohort, Json, TaskFiles, ViewOutliers
from lungml.report.filling import fill
from lungml.report.flow import PartRow, Step, Suite, part_rows, steps, suites
from lungml.report.leakage import LeakageSection, leakage_section
from lungml.report.picture import Picture, read_picture
from lungml.report.summary import HEADLINE, Row, cross_validated, number_of, row_of
from lungml.report.trust.section import TrustPart, trust_blocks, trust_parts
from lungml.report.variants import Variants, variants_of
from lungml.terms import Target

_TOP_OUTLIERS = 5
_GALLERY_ONLY = {"explain": "gallery"}
"""Stages of which the report shows one figure; the others are its parts."""


@dataclass(frozen=True)
class MetricRow:
    """One metric of one task, for the model and for what it is compared with."""

    name: str
    raw: Json
    tta: Json
    tta_minus_raw: Json
    baselines: Mapping[str, Json]
    cross_validated: Json


@dataclass(frozen=True)
class FigureGroup:
    """What one stage has to say about a task."""

    name: str
    stage: str
    note: str
    pictures: list[Picture]
    variants: Variants | None


@dataclass(frozen=True)
class TaskSection:
    """Everything the page shows of a task."""

    anchor: str
    name: str
    row: Row
    model: Json
    chance: Json
    verdict: str
    tone: str
    against_chance: str
    classes: list[tuple[str, float]]
    diameter: Json
    tta_minus_raw: Json
    beside: Beside
    metrics: list[MetricRow]
    baselines: list[tuple[str, str]]
    """Name in `metrics.json` and in the report."""
    delong: list[tuple[str, Json]]
    """Baseline, and DeLong's test of the model against it."""
    cross_validation: str
    is_cross_validated: bool
    """Whether there is an estimate on train and validation beside that on test."""
    groups: list[FigureGroup]
    trust: list[TrustPart]
    registration: str
    cards: list[tuple[str, str]]
    """Name of a card, and the link to it, relative to the page."""
    lineage: list[tuple[str, str]]


@dataclass(frozen=True)
class OutlierSection:
    """The outlier picture of a view, the page with all nodules and those to look at first."""

    view: str
    picture: Picture
    page: str | None
    """Link, relative to the report."""
    first: list[tuple[int, str, str, str]]
    """Rank, nodule, part and reason."""


@dataclass(frozen=True)
class Page:
    """All the template gets."""

    title: str
    warnings: list[str]
    confidence: str
    tasks: list[TaskSection]
    steps: list[Step]
    parts: list[PartRow]
    targets: list[Target]
    suites: list[Suite]
    checks_hold: bool
    data_docs: str | None
    """Link to the checks' Data Docs, relative to the page."""
    leakage: LeakageSection
    outliers: list[OutlierSection]


@dataclass(frozen=True)
class Sources:
    """What the stages left."""

    cohort: Cohort
    tasks: list[TaskFiles]
    outliers: list[ViewOutliers]


def build_page(title: str, warnings: list[str], sources: Sources, folder: Path) -> Page:
    """Turn what the stages left into what a reader sees; the page will lie in `folder`."""
    return Page(
        title=title,
        warnings=warnings,
        confidence=f"{100 * sources.tasks[0].metrics.get('confidence', 0.95):g} %",
        tasks=[_task_section(found, folder) for found in sources.tasks],
        steps=steps(sources.cohort),
        parts=part_rows(sources.cohort.split),
        targets=list(Target),
        suites=suites(sources.cohort.checks),
        checks_hold=sources.cohort.checks["success"],
        data_docs=_link(sources.cohort.data_docs, folder),
        leakage=leakage_section(sources.cohort.audit),
        outliers=[_outlier_section(found, folder) for found in sources.outliers],
    )


def render(page: Page) -> str:
    """Fill the template: one HTML file without any reference to another; all text is escaped."""
    return fill("report.html.j2", page=page, metric_names=wording.METRIC_NAMES)


def _task_section(found: TaskFiles, folder: Path) -> TaskSection:
    metrics = found.metrics
    model = number_of(metrics["raw"], HEADLINE)
    baselines = metrics.get("baselines", {})
    return TaskSection(
        anchor=found.task.value,
        name=wording.task_name(found.task),
        row=row_of(found),
        model=model,
        chance={"value": model["chance"], "low": None, "high": None},
        verdict=wording.verdict(metrics),
        tone=_tone(number_of(metrics["model_minus_diameter"], HEADLINE)),
        against_chance=wording.beats_chance(metrics),
        classes=list(metrics["class_shares"].items()),
        diameter=number_of(baselines.get("diameter", {}), HEADLINE),
        tta_minus_raw=number_of(metrics.get("tta_minus_raw", {}), HEADLINE),
        beside=beside(found.task, metrics),
        metrics=[_metric_row(name, found) for name in wording.METRIC_NAMES if name in metrics["raw"]],
        baselines=[(kind, title) for kind, (title, _) in wording.BASELINE_NAMES.items() if kind in baselines],
        delong=_delong(metrics["comparisons"]["rows"]),
        cross_validation=wording.cross_validation(metrics.get("cross_validated")),
        is_cross_validated=bool(cross_validated(found)),
        groups=[_figure_group(stage, name, found) for stage, name in wording.STAGE_NAMES.items()],
        trust=trust_parts(found),
        registration=notes.registration(found.registration),
        cards=[
            (path.stem.replace("_", " "), Path(os.path.relpath(path, folder)).as_posix())
            for path in found.cards
        ],
        lineage=_lineage(metrics["lineage"], found.registration),
    )


def _tone(difference: Json) -> str:
    if difference["low"] is not None and difference["low"] > 0:
        return "better"
    return "worse" if difference["high"] is not None and difference["high"] < 0 else "open"


def _delong(rows: Json) -> list[tuple[str, Json]]:
    """Of the baselines that rank nodules at all."""
    titles = {name: title for name, (title, _) in wording.BASELINE_NAMES.items()}
    return [
        (titles[name], row["delong"])
        for name, row in rows.items()
        if row["delong"] is not None and row["delong"]["p"] is not None
    ]


def _metric_row(name: str, found: TaskFiles) -> MetricRow:
    metrics = found.metrics
    return MetricRow(
        name=name,
        raw=number_of(metrics["raw"], name),
        tta=number_of(metrics.get("tta", {}), name),
        tta_minus_raw=number_of(metrics.get("tta_minus_raw", {}), name),
        baselines={kind: number_of(values, name) for kind, values in metrics.get("baselines", {}).items()},
        cross_validated=number_of(cross_validated(found), name),
    )


def _figure_group(stage: str, name: str, found: TaskFiles) -> FigureGroup:
    note = {
        "evaluate": notes.test_note(found.metrics),
        "finetune": notes.training_note(found.training),
        "tune": notes.tuning_note(found.tuned),
        "screen": notes.screening_note(found.ranking),
        "explain": notes.explain_note(found.explained),
    }[stage]
    only = _GALLERY_ONLY.get(stage)
    shown = {block.figure for block in trust_blocks(found)} if stage == "evaluate" else set()
    paths = wording.in_reading_order(
        stage,
        [path for path in found.figures[stage] if path.stem not in shown and only in {None, path.stem}],
    )
    pictures = [read_picture(path, wording.caption(stage, path.stem)) for path in paths]
    return FigureGroup(
        name, stage, note, pictures, variants_of(found.training) if stage == "finetune" else None
    )


def _lineage(lineage: Json, registration: Json | None) -> list[tuple[str, str]]:
    tags: Mapping[str, Any] = (registration or {}).get("tags", {})
    names = {
        "git_commit": "code (git commit)",
        "git_dirty": "code changed since that commit",
        "data_sha256": "data",
        "split_sha256": "split",
        "params_sha256": "parameters",
        "bundle_sha256": "model bundle",
    }
    known = {**tags, **lineage}
    return [(name, str(known.get(key) or "not recorded")) for key, name in names.items()]


def _outlier_section(found: ViewOutliers, folder: Path) -> OutlierSection:
    top = found.scores.nsmallest(_TOP_OUTLIERS, "rank")
    return OutlierSection(
        view=found.view.value,
        picture=read_picture(found.picture, wording.OUTLIER_CAPTION),
        page=_link(found.page, folder),
        first=list(zip(top["rank"], top["nodule_id"], top["part"], top["reason"], strict=True)),
    )


def _link(target: Path | None, folder: Path) -> str | None:
    return None if target is None else Path(os.path.relpath(target, folder)).as_posix()
