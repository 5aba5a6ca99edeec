"""Running Great Expectations: frames and expectations in, results and Data Docs out. Nothing calls home.

This module and `suites` are where Great Expectations is imported; that takes seconds, so stages import them
inside `run`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from lungml.checks.result import MAX_ROWS, Check

os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read when Great Expectations is imported

import great_expectations as gx
import great_expectations.expectations
from great_expectations.expectations.expectation import Expectation

__all__ = ["Expectation", "Job", "gxe", "run_suites"]

gxe: Any = gx.expectations
"""Great Expectations' expectations; its stubs do not export them."""
_RUN_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""Stands for every run, so that the same data give the same pages."""
_SITE = "site"
MAX_VALUES = 5
"""Unexpected values that are quoted."""
_WITHOUT_NEWS = {"True", "False", "nan", ""}
"""Values that say no more than that the check failed."""


@dataclass(frozen=True)
class Job:
    """One suite to run: expectations on a frame, whose column `key` names a row; `about` introduces it."""

    name: str
    about: str
    frame: pd.DataFrame
    key: str
    expectations: list[Expectation]


def run_suites(jobs: Iterable[Job], docs: Path) -> dict[str, list[Check]]:
    """Run every suite and let Great Expectations write its Data Docs into `docs`.

    Returns:
        Name of a suite -> what its checks found.
    """
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    context: Any = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    for name in list(context.get_site_names()):
        context.delete_data_docs_site(name)
    context.add_data_docs_site(_SITE, _site(docs))
    results = {job.name: _run(context, job) for job in jobs}
    context.build_data_docs([_SITE])
    return results


def _run(context: Any, job: Job) -> list[Check]:
    source = context.data_sources.add_pandas(job.name)
    batch = source.add_dataframe_asset(job.name).add_batch_definition_whole_dataframe("all")
    suite = context.suites.add(
        gx.ExpectationSuite(name=job.name, expectations=job.expectations, notes=job.about)
    )
    validation = context.validation_definitions.add(
        gx.ValidationDefinition(name=job.name, data=batch, suite=suite)
    )
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(
            name=job.name,
            validation_definitions=[validation],
            result_format={
                "result_format": "COMPLETE",
                "unexpected_index_column_names": [job.key],
                "return_unexpected_index_query": False,
            },
        )
    )
    found = checkpoint.run(
        batch_parameters={"dataframe": job.frame},
        run_id=gx.RunIdentifier(run_name=job.name, run_time=_RUN_TIME),
    )
    (result,) = found.run_results.values()
    return [_check(outcome, job.key) for outcome in result.results]


def _check(outcome: Any, key: str) -> Check:
    config, found = outcome.expectation_config, outcome.result
    columns = [config.kwargs[name] for name in ("column", "column_A", "column_B") if name in config.kwargs]
    rows = found.get("unexpected_index_list") or []
    return Check(
        expectation=config.type,
        column=", ".join(columns) or None,
        severity=config.severity.value,
        expected=config.description,
        success=bool(outcome.success),
        unexpected_count=int(found.get("unexpected_count", 0 if outcome.success else 1)),
        found=_found(outcome),
        rows=sorted({str(row[key]) for row in rows})[:MAX_ROWS],
    )


def _found(outcome: Any) -> str:
    """In words: how many rows and which values are unexpected, or the one value of the whole table."""
    found = outcome.result
    if outcome.exception_info.get("raised_exception"):
        return f"the check could not be made: {outcome.exception_info['exception_message']}"
    if "observed_value" in found:
        return str(found["observed_value"])
    count = found["unexpected_count"]
    values = {str(value) for value in found["partial_unexpected_list"]} - _WITHOUT_NEWS
    quoted = f" ({', '.join(sorted(values)[:MAX_VALUES])})" if values else ""
    return f"{count} of {found['element_count']} rows" + quoted


def _site(docs: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(docs.absolute()),
        },
    }
