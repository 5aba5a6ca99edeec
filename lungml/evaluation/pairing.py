"""Two runs on the test nodules that both answered: every metric of both, and what differs.

A nodule that is in the test part of both was learnt from by neither, so runs of different splits can be
compared on what they share. The headline of each task was the question beforehand: its p-values are a family
of as many as there are tasks. All other metrics of a task are another family. Both are corrected by Holm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lungml.errors import InputError
from lungml.evaluation.bootstrap import Resampled, draw_patients, resample
from lungml.evaluation.comparison import Difference, compare, holm, in_words
from lungml.evaluation.delong import DeLong, delong
from lungml.evaluation.intervals import Interval, clustered_interval, jackknife
from lungml.evaluation.keyed import KeyedAnswers
from lungml.evaluation.metrics import HEADLINE, METRICS
from lungml.evaluation.tally import Cases

LOST_BY_CORRECTION = "no difference shown after correction"
_SIDES = {"better": "higher", "worse": "lower"}


@dataclass(frozen=True)
class Drawing:
    """How patients are drawn to compare two runs, and what the intervals hold."""

    confidence: float
    replicates: int
    seed: int


@dataclass(frozen=True, eq=False)
class Pair:
    """What both runs answered: N shared nodules in one order."""

    first: Cases
    second: Cases
    patients: NDArray[np.str_]
    """(N,)."""
    alone: tuple[int, int]
    """Test nodules that only the first, only the second has."""


@dataclass(frozen=True)
class Row:
    """One metric on the shared nodules."""

    first: Interval
    second: Interval
    difference: Difference
    """The second minus the first."""
    p_corrected: float | None
    words: str
    """better, worse (of the second); higher, lower for a calibration line; or that nothing is shown."""


@dataclass(frozen=True)
class Compared:
    """All metrics of a task, the headline first."""

    nodules: int
    patients: int
    alone: tuple[int, int]
    rows: dict[str, Row]
    delong: DeLong | None
    """Of the AUROC, second and first in this order; None but for two classes."""


def pair_up(first: KeyedAnswers, second: KeyedAnswers, names: tuple[str, str]) -> Pair:
    """Bring the shared nodules of two runs, called `names` in messages, into one order.

    Raises:
        InputError: they share no test nodule, or give a shared one another label or patient.
    """
    _, here, there = np.intersect1d(first.nodules, second.nodules, return_indices=True)
    one, other = names
    if first.cases.classes != second.cases.classes:
        raise InputError(
            f"{one} answers with {first.cases.classes} classes and {other} with {second.cases.classes}; "
            "compare runs of the same task"
        )
    if not len(here):
        raise InputError(
            f"{one} and {other} share no test nodule ({len(first.nodules)} and {len(second.nodules)}), so "
            "nothing can be compared in pairs; evaluate both on the same split"
        )
    labels = first.cases.labels[here] != second.cases.labels[there]
    if labels.any():
        raise InputError(
            f"{int(labels.sum())} of the {len(here)} test nodules that {one} and {other} share have "
            "different labels, so they answer different questions; evaluate both under the same label "
            "policy (labels)"
        )
    if (first.patients[here] != second.patients[there]).any():
        raise InputError(
            f"{one} and {other} give the same nodules to different patients, so patients cannot be drawn; "
            "index both from the same data"
        )
    kept = [
        Cases(own.cases.labels[at], own.cases.probabilities[at])
        for own, at in ((first, here), (second, there))
    ]
    alone = len(first.nodules) - len(here), len(second.nodules) - len(there)
    return Pair(kept[0], kept[1], first.patients[here], alone)


def headline_difference(pair: Pair, metric: str, drawing: Drawing) -> Difference:
    """One metric of the second minus that of the first, by the paired bootstrap over patients."""
    first, second = _resampled(pair, drawing, (metric,))
    return compare(second, first, metric, drawing.confidence)


def compare_pairs(pairs: Mapping[str, Pair], drawing: Drawing) -> dict[str, Compared]:
    """Compare two runs in every task of `pairs`."""
    found = {name: _compare(pair, drawing) for name, pair in pairs.items()}
    corrected = holm({name: each.rows[HEADLINE].difference.p for name, each in found.items()})
    return {name: _with_headline(each, corrected[name], drawing) for name, each in found.items()}


def direction(metric: str) -> int:
    """1 where more is better, -1 where less is, 0 where a value in between is best."""
    found = METRICS[metric]
    if np.isinf(found.limits[1]):
        return 0
    return 1 if found.best == found.limits[1] else -1


def _compare(pair: Pair, drawing: Drawing) -> Compared:
    first, second = _resampled(pair, drawing, None)
    left_out = {
        "first": jackknife(pair.first, pair.patients),
        "second": jackknife(pair.second, pair.patients),
    }
    differences = {name: compare(second, first, name, drawing.confidence) for name in first.whole}
    corrected = holm({name: each.p for name, each in differences.items() if name != HEADLINE})
    rows = {
        name: Row(
            clustered_interval(left_out["first"], name, drawing.confidence),
            clustered_interval(left_out["second"], name, drawing.confidence),
            difference,
            corrected.get(name),
            _words(name, difference, corrected.get(name), drawing.confidence),
        )
        for name, difference in differences.items()
    }
    patients = len(np.unique(pair.patients))
    return Compared(len(pair.patients), patients, pair.alone, rows, _delong(pair))


def _with_headline(found: Compared, p_corrected: float | None, drawing: Drawing) -> Compared:
    row = found.rows[HEADLINE]
    words = _words(HEADLINE, row.difference, p_corrected, drawing.confidence)
    changed = replace(row, p_corrected=p_corrected, words=words)
    return replace(found, rows=found.rows | {HEADLINE: changed})


def _resampled(pair: Pair, drawing: Drawing, names: tuple[str, ...] | None) -> tuple[Resampled, Resampled]:
    draws = draw_patients(pair.patients, drawing.replicates, drawing.seed)
    return resample(pair.first, draws, names), resample(pair.second, draws, names)


def _words(metric: str, found: Difference, p_corrected: float | None, confidence: float) -> str:
    sign = direction(metric)
    gain = None if found.value is None else found.value * (sign or 1)
    alone, words = (in_words(gain, p, confidence) for p in (found.p, p_corrected))
    if words != alone:
        return LOST_BY_CORRECTION
    return words if sign else _SIDES.get(words, words)


def _delong(pair: Pair) -> DeLong | None:
    malignant = pair.first.malignant
    if pair.first.classes != 2 or min(malignant.sum(), (~malignant).sum()) < 2:
        return None
    return delong(malignant, pair.second.probabilities[:, 1], pair.first.probabilities[:, 1])
