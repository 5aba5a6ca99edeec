"""Stage audit: search the parts for leakage, write what was found, and stop if there is any."""

from __future__ import annotations

from pathlib import Path

from lungml.files import atomic_folder, write_json, write_text
from lungml.params.audit import AuditParams
from lungml.params.data import LabelParams
from lungml.progress import say

RESULT_FILE, PAIRS_FILE = "result.json", "pairs.csv"


def run(
    audit: AuditParams,
    labels: LabelParams,
    *,
    raw: Path,
    index: Path,
    split: Path,
    views: Path,
    out: Path,
    passed: Path,
) -> None:
    """Write `out/result.json` (every finding) and `out/pairs.csv` (views that are alike), also if it stops.

    What trains depends on `passed`, which says the same whenever it is there: other findings that stop
    nothing do not make it run again.

    Raises:
        ChecksFailedError: something is in two parts that must not be, and nobody has accepted it.
    """
    from lungml.checks.findings import Level, audit_result, pairs_table, raise_if_alarmed, sentences, unused
    from lungml.checks.leakage import audit as search
    from lungml.checks.material import read_material

    passed.unlink(missing_ok=True)
    material = read_material(raw, index, split, views, labels)
    findings = search(material, audit)
    compared = {"nodules": len(material.nodules)} | {
        f"{view} views": len(store.items) for view, store in material.views.items()
    }
    with atomic_folder(out) as temporary:
        write_json(temporary / RESULT_FILE, audit_result(findings, compared))
        write_text(temporary / PAIRS_FILE, pairs_table(findings).to_csv(index=False))
    for line in sentences(findings, Level.WARNING):
        say(f"  warning: {line}")
    for entry in unused(findings, audit.accepted):
        say(f"  audit.accepted lists {entry.code}, which was not found")
    raise_if_alarmed(findings, str(out / RESULT_FILE))
    write_text(passed, "No leakage between parts was found, or what was found is accepted.\n")
    notes, accepted = (
        sum(item.level is level for item in findings) for level in (Level.NOTE, Level.ACCEPTED)
    )
    say(f"  no leakage between parts ({notes} notes, {accepted} accepted findings); see {out / RESULT_FILE}")
