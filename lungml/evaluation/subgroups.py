# mypy: disable-error-code="no-any-return"
"""How a model does in groups of nodules: by size, readers, scanner and person, and where it is worst.

Groups are compared by AUROC of malignant or not, which does not depend on how common malignant nodules are in
a group. Each group is compared with the other cases of its grouping; the worst group is the one that is most
surely worse (lowest p of Student's t), as the lowest of many noisy values is mostly a small group. A group
has as many degrees of freedom as its rarer class has patients, less one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr

from lungml.evaluation.intervals import Interval, share_bounds, standard_error, student_t
from lungml.evaluation.ranking import FloatArray, auroc, count_found, rank
from lungml.evaluation.suspicion import BoolArray, Suspicion

TOO_FEW = 20
"""Groups of fewer nodules are named, not measured."""
UNKNOWN = "not recorded"


@dataclass(frozen=True)
class Banding:
    """Cuts an ordered quantity: a value belongs to the last band whose edge it reaches."""

    column: str
    edges: tuple[float, ...]
    names: tuple[str, ...]
    """One more than edges."""

    def of(self, facts: pd.DataFrame) -> pd.Series[str]:
        """Name of each row's band."""
        values = facts[self.column].to_numpy(dtype=np.float64)
        names = np.array(self.names, dtype=object)[np.digitize(values, self.edges)]
        return pd.Series(np.where(np.isnan(values), UNKNOWN, names), index=facts.index, dtype="object")


def _text(column: str) -> Callable[[pd.DataFrame], pd.Series[str]]:
    return lambda facts: facts[column].where(facts[column] != "", UNKNOWN)


def _apart(facts: pd.DataFrame) -> pd.DataFrame:
    """How far the readers' scores are apart; of one score nothing is known."""
    apart = [max(scores) - min(scores) if len(scores) > 1 else np.nan for scores in facts["scores"]]
    return pd.DataFrame({"apart": apart}, index=facts.index)


_LARGE_MM = np.nextafter(15.0, 16.0)
_DIAMETER = Banding(
    "diameter_mm", (6.0, 8.0, _LARGE_MM), ("below 6 mm", "6 to 8 mm", "8 to 15 mm", "above 15 mm")
)
_READERS = Banding("n_readers", (2.5,), ("1 or 2", "3 or more"))
_THICKNESS = Banding(
    "slice_thickness_mm", (1.5, 2.5), ("below 1.5 mm", "1.5 to below 2.5 mm", "2.5 mm or more")
)
_AGE = Banding("age_years", (60.0, 70.0), ("below 60 years", "60 to 69 years", "70 years or more"))
_SPREAD = Banding("apart", (0.5, 1.5), ("all equal", "1 apart", "2 or more apart"))

Grouping = Callable[[pd.DataFrame], "pd.Series[str]"]

GROUPINGS: dict[str, Grouping] = {
    "diameter": _DIAMETER.of,
    "readers": _READERS.of,
    "readers' scores": lambda facts: _SPREAD.of(_apart(facts)),
    "manufacturer": _text("manufacturer"),
    "kernel": _text("kernel"),
    "slice thickness": _THICKNESS.of,
    "sex": _text("sex"),
    "age": _AGE.of,
}
"""Name -> group of each nodule, from columns of the tables nodules and series."""


@dataclass(frozen=True)
class _Group:
    """A group that is large enough, on all patients and without each of them."""

    auroc: Interval
    minus_others: Interval
    surely: float
    """Chance of a difference to the other cases as low as this if there is none; inf where undefined."""


def subgroups(test: Suspicion, facts: pd.DataFrame, confidence: float) -> dict[str, Any]:
    """Measure every group of every grouping.

    Args:
        test: N cases.
        facts: N rows in the same order, with the columns of `GROUPINGS`.
        confidence: of the intervals.

    Returns:
        groups: one {grouping, group, n, patients, malignant, too_few, auroc, minus_others, rank} each,
        groupings in the order of `GROUPINGS`; the measures {value, low, high} and the rank (1 is the worst)
        are None where a group is too small or has one class only; absent: groupings of which nothing is
        known, or that all nodules share; compared: how many groups have a rank; worst: {grouping, group,
        auroc, minus_others, shown}, or None; shown says if the difference is one after Bonferroni's
        correction for all groups compared.
    """
    rows: list[dict[str, Any]] = []
    found: dict[int, _Group] = {}
    absent: list[str] = []
    for grouping, name_of in GROUPINGS.items():
        names = name_of(facts)
        if names.nunique() < 2:
            absent.append(grouping)
            continue
        for group in _in_order(names):
            inside = (names == group).to_numpy()
            measured = _measure(test, inside, confidence)
            found[len(rows)] = measured
            rows.append({"grouping": grouping, "group": group} | _describe(test, inside, measured))
    order = sorted((number for number, one in found.items() if math.isfinite(one.surely)), key=_surely(found))
    for place, number in enumerate(order, start=1):
        rows[number]["rank"] = place
    return {
        "groups": rows,
        "absent": absent,
        "compared": len(order),
        "worst": _worst(rows[order[0]], test, facts, confidence, len(order)) if order else None,
    }


def _surely(found: dict[int, _Group]) -> Callable[[int], float]:
    return lambda number: found[number].surely


_BANDS = [name for banding in (_DIAMETER, _READERS, _SPREAD, _THICKNESS, _AGE) for name in banding.names]


def _in_order(names: pd.Series[str]) -> list[str]:
    """Bands from low to high, other groups by size, the largest first; what is not recorded last."""
    counts = names.value_counts()
    return sorted(
        counts.index,
        key=lambda name: (name == UNKNOWN, _BANDS.index(name) if name in _BANDS else -counts[name], name),
    )


def _describe(test: Suspicion, inside: BoolArray, measured: _Group) -> dict[str, Any]:
    return {
        "n": int(inside.sum()),
        "patients": len(np.unique(test.patient_ids[inside])),
        "malignant": int(test.malignant[inside].sum()),
        "too_few": bool(inside.sum() < TOO_FEW),
        "auroc": asdict(measured.auroc),
        "minus_others": asdict(measured.minus_others),
        "rank": None,
    }


def _measure(test: Suspicion, inside: BoolArray, confidence: float) -> _Group:
    nothing = Interval(None, None, None)
    if inside.sum() < TOO_FEW:
        return _Group(nothing, nothing, math.inf)
    own, others = _left_out(test, inside), _left_out(test, ~inside)
    area, difference = _of_area(own, confidence), own - others
    patients = min(_rarer(test.only(inside)), _rarer(test.only(~inside)))
    if patients < 2 or not np.isfinite(difference).all():
        return _Group(area, Interval(_or_none(difference[0]), None, None), math.inf)
    value, error = float(difference[0]), standard_error(difference[1:])
    if not error:
        return _Group(area, Interval(value, None, None), math.inf)
    reach = student_t(patients, confidence) * error
    compared = Interval(value, max(value - reach, -1.0), min(value + reach, 1.0))
    return _Group(area, compared, float(stdtr(patients - 1, value / error)))


def _rarer(part: Suspicion) -> int:
    """Patients of the class that fewer have."""
    return min(len(np.unique(part.patient_ids[part.malignant == value])) for value in (True, False))


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _left_out(test: Suspicion, among: BoolArray) -> FloatArray:
    """(1 + P,): AUROC of the cases `among` (N,), then without each of P patients; NaN where undefined."""
    _, patients = np.unique(test.patient_ids, return_inverse=True)
    part, own = test.only(among), patients[among]
    there = np.unique(own)
    weights = np.ones((len(there) + 1, len(part)))
    weights[1:] = own != there[:, None]
    values = auroc(count_found(rank(part.score), part.malignant, weights))
    found = np.full(patients.max() + 2, values[0])
    found[there + 1] = values[1:]
    return found


def _of_area(values: FloatArray, confidence: float) -> Interval:
    """Of the first of `values` (1 + P,); patients without a case in the group change nothing."""
    value, without = float(values[0]), values[1:]
    if math.isnan(value) or np.isnan(without).any() or value in {0.0, 1.0}:
        return Interval(None if math.isnan(value) else value, None, None)
    low, high = share_bounds(value, without, confidence)
    return Interval(value, min(low, value), max(high, value))


def _worst(
    row: dict[str, Any], test: Suspicion, facts: pd.DataFrame, confidence: float, compared: int
) -> dict[str, Any]:
    inside = (GROUPINGS[row["grouping"]](facts) == row["group"]).to_numpy()
    corrected = _measure(test, inside, 1 - (1 - confidence) / compared).minus_others
    kept = ("grouping", "group", "auroc", "minus_others")
    return {name: row[name] for name in kept} | {"shown": corrected.high is not None and corrected.high < 0}
