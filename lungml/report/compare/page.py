"""The comparison as one HTML file without any reference to another."""

from __future__ import annotations

from lungml.report import wording
from lungml.report.compare.findings import HEADER, Finding
from lungml.report.filling import fill

READING = (
    "Both runs are measured on the same nodules. Patients are drawn with replacement, both are measured "
    "on each draw, and the spread of the difference gives its interval. Where the interval holds 0, no "
    "difference is shown; that is not to say that there is none. Weighted AUPRC is the question, "
    "corrected for the number of tasks; all other metrics of a task are looked at together and corrected "
    "for their number (Holm). Errors and the Brier score are better when lower. Who chooses between runs "
    "by this page has used the test part to choose: the winner's figures flatter it."
)


def comparison_page(found: Finding) -> str:
    """Fill the template."""
    return fill("compare.html.j2", found=found, header=HEADER, rating=wording.RATING, reading=READING)
