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
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>lungml data checks</title><style>{STYLE}</style></head><body><main>",
        f"<h1>Data checks: {_verdict(result)}</h1>",
        "<p class='quiet'>The data contract of the index tables. A failed check stops the pipeline; a "
        "warning does not. Open a suite to read every expectation.</p>",
        *_data(result),
        _header("Suite", "Checks", "Held", "Warnings", "Failed", ""),
        *(_suite_row(site, suite) for suite in result["suites"]),
        "</table>",
        *_failures(failed),
        "</main></body></html>\n",
    ]
    (site / "index.html").write_text("\n".join(parts), encoding="utf-8")


def _verdict(result: dict[str, Any]) -> str:
    return "<span class='good'>all hold</span>" if result["success"] else "<span class='bad'>failed</span>"


def _header(*names: str) -> str:
    return f"<table class='table stacked'><tr>{''.join(f'<th>{name}</th>' for name in names)}</tr>"


def _data(result: dict[str, Any]) -> Iterable[str]:
    """What the data are, and the label policy with its hash."""
    data = result["data"]
    if not data:
        return
    policy = ", ".join(f"{name} {value}" for name, value in data["policy"].items() if value is not None)
    facts = {
        "Series": _counts(data["series"]),
        "Patients": str(data["patients"]),
        "Nodules": str(data["nodules"]),
        "Readings": str(data["readings"]),
        "Readers of a nodule": _counts(data["nodules_by_readers"], "{count} nodules with {name}"),
        "Label policy": f"{policy} (hash {result['policy_sha256'][:8]})",
    }
    yield "<table class='facts'>"
    yield from (f"<tr><th>{name}</th><td>{escape(text)}</td></tr>" for name, text in facts.items())
    yield "</table>"


def _counts(counts: dict[str, int], words: str = "{count} {name}") -> str:
    return ", ".join(words.format(name=name, count=count) for name, count in counts.items()) or "none"


def _suite_row(site: Path, suite: dict[str, Any]) -> str:
    checks, name = suite["checks"], suite["name"]
    warned, failed = (
        sum(not check["success"] and check["severity"] == severity for check in checks)
        for severity in ("warning", "critical")
    )
    page = next(site.glob(f"validations/{name}/**/*.html")).relative_to(site).as_posix()
    counts = (
        ("checks", "", len(checks)),
        ("held", "good", len(checks) - warned - failed),
        ("warnings", "warn", warned or ""),
        ("failed", "bad", failed or ""),
    )
    cells = "".join(f"<td class='{kind}' data-name='{what}'>{count}</td>" for what, kind, count in counts)
    return (
        f"<tr><td><a href='{page}'>{escape(name)}</a><br><span class='quiet'>{escape(suite['about'])}</span>"
        f"</td>{cells}<td><a href='{page}'>results</a> &middot; "
        f"<a href='expectations/{name}.html'>contract</a></td></tr>"
    )


def _failures(failed: list[tuple[str, dict[str, Any]]]) -> Iterable[str]:
    if not failed:
        return
    yield "<h4>What does not hold</h4>"
    yield _header("", "Where", "Expected", "Found", "Rows")
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
