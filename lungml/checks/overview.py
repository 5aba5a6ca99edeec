"""The first page of the Data Docs: which suites hold, and every failed check with its rows."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import Any

from lungml.checks.offline import STYLE

_ROWS_OPEN = 5


def write_overview(site: Path, result: dict[str, Any]) -> None:
    """Write `site/index.html` from the content of `result.json`; links go to Great Expectations' pages."""
    failed = [
        (suite["name"], check)
        for suite in result["suites"]
        for check in suite["checks"]
        if not check["success"]
    ]
    parts = [
        "<!DOCTYPE html>\n<html lang='en'><head><meta charset='UTF-8'>",
        f"<title>lungml data checks</title><style>{STYLE}</style></head><body><main>",
        f"<h1>Data checks: {_verdict(result)}</h1>",
        "<p class='quiet'>The data contract of the index tables. A failed check stops the pipeline; a "
        "warning does not. Open a suite to read every expectation.</p>",
        "<table class='table'><tr><th>Suite</th><th>Checks</th><th>Held</th><th>Warnings</th><th>Failed</th>"
        "<th></th></tr>",
        *(_suite_row(site, suite) for suite in result["suites"]),
        "</table>",
        *_failures(failed),
        "</main></body></html>\n",
    ]
    (site / "index.html").write_text("\n".join(parts), encoding="utf-8")


def _verdict(result: dict[str, Any]) -> str:
    return "<span class='good'>all hold</span>" if result["success"] else "<span class='bad'>failed</span>"


def _suite_row(site: Path, suite: dict[str, Any]) -> str:
    checks, name = suite["checks"], suite["name"]
    warned, failed = (
        sum(not check["success"] and check["severity"] == severity for check in checks)
        for severity in ("warning", "critical")
    )
    page = next(site.glob(f"validations/{name}/**/*.html")).relative_to(site).as_posix()
    return (
        f"<tr><td><a href='{page}'>{escape(name)}</a></td><td>{len(checks)}</td>"
        f"<td class='good'>{len(checks) - warned - failed}</td><td class='warn'>{warned or ''}</td>"
        f"<td class='bad'>{failed or ''}</td><td><a href='{page}'>results</a> &middot; "
        f"<a href='expectations/{name}.html'>contract</a></td></tr>"
    )


def _failures(failed: list[tuple[str, dict[str, Any]]]) -> Iterable[str]:
    if not failed:
        return
    yield "<h4>What does not hold</h4>"
    yield "<table class='table'><tr><th></th><th>Where</th><th>Expected</th><th>Found</th><th>Rows</th></tr>"
    for suite, check in sorted(failed, key=lambda pair: pair[1]["severity"]):
        kind = "bad" if check["severity"] == "critical" else "warn"
        label = "failed" if kind == "bad" else "warning"
        yield (
            f"<tr><td class='{kind}'>{label}</td><td><code>{escape(suite)}.{escape(check['column'] or '*')}"
            f"</code></td><td>{escape(check['expected'])}</td><td>{escape(check['found'])}</td>"
            f"<td>{_rows(check)}</td></tr>"
        )
    yield "</table>"


def _rows(check: dict[str, Any]) -> str:
    """The rows that are named; folded away if they are many."""
    if not check["rows"]:
        return ""
    items = "".join(f"<li><code>{escape(row)}</code></li>" for row in check["rows"])
    more = check["unexpected_count"] - len(check["rows"])
    listed = f"<ul class='rows'>{items}</ul>" + (f"and {more} more" if more > 0 else "")
    if len(check["rows"]) <= _ROWS_OPEN:
        return listed
    return f"<details><summary>{check['unexpected_count']} rows</summary>{listed}</details>"
