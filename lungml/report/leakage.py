"""What the leakage audit found, for the report: pairs looked at, what stands, what a person accepted."""

from __future__ import annotations

from dataclasses import dataclass

from lungml.report.collect import Json

_NAMED = 5
_IN_ORDER = ("alarm", "warning")


@dataclass(frozen=True)
class LeakageSection:
    """One sentence, and the findings that stand, were accepted, or do no harm within one part."""

    verdict: str
    tone: str
    standing: list[str]
    accepted: list[str]
    within_one_part: int


def leakage_section(audit: Json) -> LeakageSection:
    """Turn `result.json` of stage audit into what a reader sees."""
    findings = audit["findings"]
    standing = [found for level in _IN_ORDER for found in findings if found["level"] == level]
    accepted = [found for found in findings if found["level"] == "accepted"]
    alarms = audit["counts"]["alarm"]
    return LeakageSection(
        verdict=_verdict(alarms, len(accepted), audit["compared"]["nodules"]),
        tone="worse" if alarms else "open" if accepted or standing else "better",
        standing=[f"{found['level']}: {_in_words(found)}" for found in standing],
        accepted=[f"{_in_words(found)}. Accepted: {found['reason']}" for found in accepted],
        within_one_part=audit["counts"]["note"],
    )


def _verdict(alarms: int, accepted: int, nodules: int) -> str:
    looked = f"{nodules} nodules were searched for the same patient, slice or image in two parts"
    if alarms:
        return f"The parts leak into each other: {alarms} finding(s). {looked}."
    if accepted:
        return f"{accepted} finding(s) between the parts were accepted with a reason. {looked}."
    return f"No leakage between the parts was found. {looked}."


def _in_words(found: Json) -> str:
    named = found["nodules"][:_NAMED]
    more = len(found["nodules"]) - len(named)
    which = ", ".join(named) + (f" and {more} more" if more else "")
    return f"{found['code']}, {found['what']}: {which} ({found['found']})"
