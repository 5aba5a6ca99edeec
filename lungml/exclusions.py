"""The reviewed list of nodules that are left out: who decided it, when and why.

The list is `exclusions.csv` in the project's root, under version control. It acts after the parts are drawn,
so leaving a nodule out moves no other one. Validation and test are what a model is judged on; to leave out
nodules there because of how they look would flatter every number, so only errors in the data are a reason.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from lungml.errors import InputError
from lungml.labels import LEFT_OUT
from lungml.terms import Part

COLUMNS = ("nodule_id", "reason", "reviewer", "date")
"""Header of the list; what a line holds beyond them is for people and is not read."""

EXCLUDED = "excluded"
"""What stands in the column `part` of the split for a nodule that is left out."""

DATA_ERRORS = {
    "wrong-place": "the view shows another place than the one the readers marked, or no lung at all",
    "wrong-scale": "HU are shifted, inverted, or a display window is burnt in",
    "wrong-way": "the image is upside down or mirrored",
    "blank": "the view shows nothing",
    "burnt-in": "text or lines are drawn into the image",
    "duplicate": "the same nodule or image is there under another id",
}
"""Kinds of reason that hold in every part: the file is wrong, whatever the nodule is."""

JUDGEMENTS = {
    "atypical": "a nodule, but none of the sort the model is for",
    "artefact": "motion, metal or noise hide it",
    "cut-off": "it is larger than the view",
    "label": "the readers' scores are not believed",
}
"""Kinds of reason that hold in train alone: in use, a model meets such nodules too."""


@dataclass(frozen=True)
class Exclusion:
    """One line of the list; `reason` is `kind: words`."""

    line: int
    nodule_id: str
    reason: str
    reviewer: str
    date: str

    @property
    def kind(self) -> str:
        """A key of `DATA_ERRORS` or `JUDGEMENTS`, if the line is right."""
        return self.reason.partition(":")[0].strip()


def parse_exclusions(text: str) -> list[Exclusion]:
    """Lines of the list, in their order; empty ones are passed over.

    Raises:
        InputError: the header is another one, or the text is no CSV.
    """
    rows = csv.reader(io.StringIO(text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")))
    try:
        lines = [(rows.line_num, [cell.strip() for cell in row]) for row in rows]
    except csv.Error as error:
        raise InputError(f"the list of exclusions is no CSV text ({error}); write it anew") from error
    header = tuple(lines[0][1]) if lines else ()
    if header[: len(COLUMNS)] != COLUMNS:
        raise InputError(
            f"the list of exclusions begins with {','.join(header) or 'nothing'}, expected the header "
            f"{','.join(COLUMNS)}; write it as the first line"
        )
    return [
        Exclusion(number, *(cells + [""] * len(COLUMNS))[: len(COLUMNS)])
        for number, cells in lines[1:]
        if any(cells)
    ]


def exclude(split: pd.DataFrame, exclusions: Sequence[Exclusion]) -> pd.DataFrame:
    """Take the listed nodules out of their parts.

    Args:
        split: table SPLIT, of all nodules.
        exclusions: from `parse_exclusions`.

    Returns:
        The same rows; a listed one has part `EXCLUDED`, fold -1 and no class under any target.

    Raises:
        InputError: a nodule is unknown or listed twice, something is empty, the date or the kind of reason
            is none, or a nodule of validation or test is listed for another reason than a data error.
    """
    part_of = dict(zip(split["nodule_id"], split["part"], strict=True))
    times = Counter(exclusion.nodule_id for exclusion in exclusions)
    problems = [
        f"line {exclusion.line} ({exclusion.nodule_id or 'no nodule_id'}): {problem}"
        for exclusion in exclusions
        for problem in _problems(exclusion, part_of.get(exclusion.nodule_id), times[exclusion.nodule_id])
    ]
    if problems:
        raise InputError(
            f"the list of exclusions cannot be followed: {'; '.join(problems)}; "
            "mend or remove these lines (docs/outliers.md)"
        )
    listed = split["nodule_id"].isin(list(times)).to_numpy()
    changed: dict[str, Any] = {"part": np.where(listed, EXCLUDED, split["part"])}
    for column in ("fold", "binary", "five"):
        changed[column] = np.where(listed, LEFT_OUT, split[column]).astype(np.int8)
    return split.assign(**changed)


def record_of(split: pd.DataFrame, exclusions: Sequence[Exclusion]) -> dict[str, Any]:
    """What was left out and why, for every report.

    Args:
        split: table SPLIT before anything was left out.
        exclusions: those that were followed.

    Returns:
        {n, kinds: {kind: {part: count}}, nodules: [{nodule_id, part, reason}]}.
    """
    part_of = dict(zip(split["nodule_id"], split["part"], strict=True))
    kinds: dict[str, Counter[str]] = {}
    for exclusion in exclusions:
        kinds.setdefault(exclusion.kind, Counter())[part_of[exclusion.nodule_id]] += 1
    return {
        "n": len(exclusions),
        "kinds": {kind: dict(parts) for kind, parts in kinds.items()},
        "nodules": [
            {
                "nodule_id": exclusion.nodule_id,
                "part": part_of[exclusion.nodule_id],
                "reason": exclusion.reason,
            }
            for exclusion in exclusions
        ],
    }


def excluded_in_words(record: Mapping[str, Any]) -> str:
    """One sentence for reports: how many were left out, why, and of which parts."""
    if not record["n"]:
        return "No nodule is excluded."
    kinds = (
        f"{kind} ({', '.join(f'{count} of {part}' for part, count in parts.items())})"
        for kind, parts in record["kinds"].items()
    )
    verb = "nodule is" if record["n"] == 1 else "nodules are"
    return f"{record['n']} {verb} excluded by the reviewed list: {'; '.join(kinds)}."


def _problems(exclusion: Exclusion, part: str | None, times: int) -> list[str]:
    """What is wrong with a line: empty if nothing is; `part` is None for an unknown nodule."""
    found = [f"{name} is empty" for name in COLUMNS if not getattr(exclusion, name)]
    if exclusion.nodule_id and part is None:
        found.append("no nodule of the index has this id")
    if exclusion.nodule_id and times > 1:
        found.append(f"it is listed {times} times")
    if exclusion.date and not _is_date(exclusion.date):
        found.append(f"the date is {exclusion.date}, expected year-month-day")
    return found + (_reason_problems(exclusion, part) if exclusion.reason else [])


def _reason_problems(exclusion: Exclusion, part: str | None) -> list[str]:
    words = exclusion.reason.partition(":")[2].strip()
    if exclusion.kind not in DATA_ERRORS | JUDGEMENTS or not words:
        kinds = ", ".join(DATA_ERRORS | JUDGEMENTS)
        return [f"the reason is not `kind: words` with a kind of {kinds}"]
    if part in {Part.VAL, Part.TEST} and exclusion.kind not in DATA_ERRORS:
        return [
            f"it is in {part}, where {exclusion.kind} is no reason, as that would flatter the results; "
            f"only {', '.join(DATA_ERRORS)} are"
        ]
    return []


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
