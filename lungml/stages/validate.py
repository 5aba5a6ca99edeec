"""Check the index tables against the data contract; write the result and Data Docs, then stop if it fails."""

from __future__ import annotations

from pathlib import Path

from lungml.checks.frames import build_frames, describe, read_index
from lungml.checks.offline import make_offline
from lungml.checks.overview import write_overview
from lungml.checks.result import DOCS_FOLDER, RESULT_FILE, build_result, raise_if_failed, warnings
from lungml.files import atomic_folder, write_json
from lungml.params.data import CheckParams, LabelParams
from lungml.params.scope import ScopeParams
from lungml.progress import say


def run(checks: CheckParams, labels: LabelParams, scope: ScopeParams, *, index: Path, out: Path) -> None:
    """Write `out/result.json` and `out/data_docs/`, also if checks fail: they say what to mend.

    Raises:
        ChecksFailedError: a check that is no mere warning failed; each is named with its rows.
    """
    from lungml.checks.engine import Job, run_suites
    from lungml.checks.suites import SUITES

    tables = read_index(index)
    frames = build_frames(tables, labels, scope.targets)
    jobs = [
        Job(name, suite.about, frames[name], suite.key, suite.expectations(checks))
        for name, suite in SUITES.items()
    ]
    about = {name: suite.about for name, suite in SUITES.items()}
    with atomic_folder(out) as temporary:
        suites = run_suites(jobs, temporary / DOCS_FOLDER)
        result = build_result(suites, index, labels, about=about, data=describe(tables, labels))
        make_offline(temporary / DOCS_FOLDER, about)
        write_overview(temporary / DOCS_FOLDER, result)
        write_json(temporary / RESULT_FILE, result)
    for line in warnings(suites):
        say(f"  warning: {line}")
    raise_if_failed(suites, out / DOCS_FOLDER)
    say(f"  all {sum(map(len, suites.values()))} checks hold; see {out / DOCS_FOLDER / 'index.html'}")
