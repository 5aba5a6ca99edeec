"""Write the HTML report and the flat numbers of all tasks."""

from __future__ import annotations

from pathlib import Path

from lungml.files import write_json, write_text
from lungml.params.data import AcquireParams, LabelParams
from lungml.params.evaluation import ReportParams
from lungml.params.scope import ScopeParams
from lungml.progress import say
from lungml.report.collect import CohortPlaces, Places, read_cohort, read_outliers, read_tasks
from lungml.report.page import Sources, build_page, render
from lungml.report.summary import summary as flat_numbers
from lungml.report.wording import warnings
from lungml.sealing.account import without_reason


def run(  # noqa: PLR0913 - the sections its warnings speak of, and what every stage left
    report: ReportParams,
    acquire: AcquireParams,
    labels: LabelParams,
    scope: ScopeParams,
    *,
    index: Path,
    split: Path,
    excluded: Path,
    checked: Path,
    audited: Path,
    outliers: Path,
    screen: Path,
    tune: Path,
    log: Path,
    evaluation: Path,
    explanation: Path,
    registration: Path,
    cards: Path,
    ledger: Path,
    out: Path,
    summary: Path,
) -> None:
    """Write `out`, one HTML file with everything in it, and `summary`, the numbers for `dvc metrics`.

    Raises:
        MissingInputError: the index, the split, the result of the checks or of the audit, or every
            evaluation is not there.
    """
    places = Places(
        cohort=CohortPlaces(index=index, split=split, excluded=excluded, checked=checked, audited=audited),
        outliers=outliers,
        screen=screen,
        tune=tune,
        log=log,
        evaluation=evaluation,
        explanation=explanation,
        registration=registration,
        cards=cards,
        ledger=ledger,
    )
    sources = Sources(
        read_cohort(places.cohort), read_tasks(places, scope.tasks), read_outliers(places, scope.views)
    )
    said = warnings(
        phantom=acquire.source == "phantom",
        weights=[found.metrics["weights"] for found in sources.tasks],
        permuted=labels.permute_seed is not None,
        checks_hold=sources.cohort.checks["success"],
        patients_inferred=sources.cohort.index.get("patients_inferred", False),
        reopened=any(without_reason(found.openings) for found in sources.tasks),
    )
    page = build_page(report.title, said, sources, out.parent)
    write_text(out, render(page))
    write_json(summary, flat_numbers(sources.tasks))
    say(f"  {len(sources.tasks)} tasks, {out.stat().st_size / 1e6:.1f} MB: {out}")
