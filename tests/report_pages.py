"""The report of a project, written and read."""

import html
import re
from html.parser import HTMLParser

from lungml.params.data import AcquireParams, LabelParams
from lungml.params.evaluation import ReportParams
from lungml.params.scope import ScopeParams
from lungml.stages import report


class References(HTMLParser):
    """Every address in the page, and every tag."""

    def __init__(self):
        super().__init__()
        self.addresses, self.tags, self.ids = [], set(), set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        found = dict(attrs)
        self.addresses += [found[name] for name in ("src", "href", "srcset", "action") if name in found]
        self.ids.add(found.get("id"))


def write_report(root, *, title="lungml report", acquire=None, labels=None, scope=None):
    reports = root / "reports"
    report.run(
        ReportParams(title=title),
        acquire or AcquireParams(),
        labels or LabelParams(),
        scope or ScopeParams(),
        index=root / "data/index",
        split=root / "data/split.parquet",
        excluded=reports / "split/excluded.json",
        checked=reports / "validate",
        audited=reports / "audit",
        outliers=reports / "outliers",
        screen=reports / "screen",
        tune=reports / "tune",
        log=reports / "finetune",
        evaluation=reports / "evaluate",
        explanation=reports / "explain",
        registration=reports / "register",
        cards=reports / "card",
        ledger=root / "test-ledger.jsonl",
        out=reports / "report.html",
        summary=reports / "summary.json",
    )
    return (reports / "report.html").read_text(encoding="utf-8")


def references(page):
    found = References()
    found.feed(page)
    return found


def text_of(page):
    without_style = re.sub(r"<style>.*?</style>", "", page, flags=re.S)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", without_style)))
