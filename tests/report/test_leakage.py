"""What the audit found, in the report."""

from report_pages import text_of, write_report

from lungml.checks.findings import Finding, Level, Likeness, audit_result
from lungml.files import write_json


def alike(level, parts, reason=""):
    likeness = Likeness("nodule", "near", 0.97)
    return Finding("LM-V008", Level(level), ("P1-n1", "P2-n1"), parts, "near", likeness, reason)


def test_the_leakage_audit_is_told_with_what_was_accepted(page, project):
    path = project / "reports/audit/result.json"
    assert "No leakage between the parts was found." in text_of(page)

    accepted = alike("accepted", ("test", "train"), "one patient, mailed twice")
    inside = [alike("note", ("train",)), alike("note", ("test",))]
    write_json(path, audit_result([accepted, *inside], {"nodules": 90}))
    text = text_of(write_report(project))

    assert "1 finding(s) between the parts were accepted with a reason. 90 nodules were searched" in text
    assert "P1-n1, P2-n1 (near). Accepted: one patient, mailed twice" in text
    assert "2 pairs that are alike lie within one part" in text
