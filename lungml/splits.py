"""Dividing patients into parts and folds: by patient, balanced in labels, the same for any order of rows.

Patients are dealt out at random and then swapped between parts as long as that brings the classes of each
part nearer to those of the cohort. So the counts of patients are exact, and class shares are close even
where patients have different numbers of nodules.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungml.errors import InputError
from lungml.params.data import SplitParams
from lungml.terms import Part

_SWEEPS = 3
"""How often patients are offered for a swap, at most."""
_OFFERS = 1000
"""Patients offered in a sweep, at most; bounds the time for large cohorts."""
_CLOSE = 1e-5
"""Good enough: a part of this cost has shares within 0.3 points of the cohort's."""
_ABSENT = 1.0
"""Cost of a class that is absent from a part; above any cost of unequal shares that avoids it."""
_NO_GAIN = 1e-12
"""A smaller gain is rounding error."""


def assign_parts(
    patients: NDArray[Any],
    labels: pd.DataFrame,
    params: SplitParams,
    *,
    balanced: pd.DataFrame | None = None,
) -> NDArray[np.str_]:
    """Give every nodule a part, all nodules of a patient the same one.

    Args:
        patients: (N,), patient of each nodule.
        labels: (N, columns), class indices of each nodule under one or several targets, the finest last;
            every class must be in every part. -1 is no class.
        params: fractions of patients, and the seed.
        balanced: (N, columns), whole numbers whose shares are balanced too, but may miss in a part.

    Returns:
        (N,), values of `Part`. test and val hold `round(fraction * patients)` patients each.

    Raises:
        InputError: a part would hold no patient, or a class has fewer patients than there are parts.
    """
    names, counts, needed = _profiles(patients, labels, balanced)
    sizes = _part_sizes(len(names), params)
    _check_classes(patients, labels)
    place = _deal(counts, needed, sizes, np.random.default_rng([params.seed, 0]))
    _check_presence(counts, needed, place)
    parts = np.array([Part.TRAIN.value, Part.VAL.value, Part.TEST.value])
    return parts[place[_position(patients, names)]]


def assign_folds(patients: NDArray[Any], labels: pd.DataFrame, *, folds: int, seed: int) -> NDArray[np.int8]:
    """Give every nodule a cross-validation fold, all nodules of a patient the same one.

    Args:
        patients: (N,), patient of each nodule.
        labels: (N, columns), class indices to balance; a rare class may miss in a fold.
        folds: how many.
        seed: another seed, other folds.

    Returns:
        (N,), from 0 to folds - 1; numbers of patients differ by at most one between folds.

    Raises:
        InputError: there are fewer patients than folds.
    """
    names, counts, needed = _profiles(patients, labels, None)
    if len(names) < folds:
        raise InputError(
            f"split: {len(names)} patients cannot make {folds} folds; lower split.folds in params.yaml or "
            "use more patients"
        )
    sizes = np.full(folds, len(names) // folds) + (np.arange(folds) < len(names) % folds)
    place = _deal(counts, needed, sizes, np.random.default_rng([seed, 1]))
    return place[_position(patients, names)].astype(np.int8)


def thirds(values: NDArray[np.float64]) -> NDArray[np.intp]:
    """Size class of each value: 0, 1 or 2 for the lowest, middle and highest third; 3 where it is NaN."""
    known = values[~np.isnan(values)]
    edges = np.quantile(known, [1 / 3, 2 / 3]) if len(known) else np.zeros(2)
    return np.where(np.isnan(values), 3, np.searchsorted(edges, values, side="right"))


def _part_sizes(patients: int, params: SplitParams) -> NDArray[np.intp]:
    test = math.floor(params.test_fraction * patients + 0.5)
    val = math.floor(params.val_fraction * patients + 0.5)
    sizes = {Part.TRAIN: patients - val - test, Part.VAL: val, Part.TEST: test}
    empty = [part.value for part, size in sizes.items() if size < 1]
    if empty:
        raise InputError(
            f"split: {patients} patients are too few for test_fraction {params.test_fraction:g} and "
            f"val_fraction {params.val_fraction:g}: no patient is left for {' and '.join(empty)}. "
            "Change the fractions in params.yaml or use more patients"
        )
    return np.array(list(sizes.values()))


def _profiles(
    patients: NDArray[Any], labels: pd.DataFrame, balanced: pd.DataFrame | None
) -> tuple[NDArray[Any], NDArray[np.float64], NDArray[np.bool_]]:
    """What counts in a balance, per patient: nodules, nodules of each category, and its own highest class.

    Returns:
        names (P,), sorted; counts (P, K); needed (K,): columns that no part may lack.
    """
    names = np.unique(patients.astype(str))
    position = _position(patients, names)
    columns, needed = [np.ones(len(patients))], [True]
    for frame, must in ((labels, True), (balanced, False)):
        for _, values in [] if frame is None else frame.items():
            for category in np.unique(values):
                columns.append((values == category).to_numpy())
                needed.append(must and category >= 0)
    counts = [np.bincount(position, weights=column, minlength=len(names)) for column in columns]
    highest = np.full(len(names), -1)
    np.maximum.at(highest, position, labels.iloc[:, -1].to_numpy())
    counts += [(highest == category).astype(np.float64) for category in np.unique(highest)]
    needed += [False] * (len(counts) - len(needed))
    return names, np.stack(counts, axis=1), np.array(needed)


def _position(patients: NDArray[Any], names: NDArray[Any]) -> NDArray[np.intp]:
    return np.searchsorted(names, patients.astype(str))


def _deal(
    counts: NDArray[np.float64],
    needed: NDArray[np.bool_],
    sizes: NDArray[np.intp],
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """Part of each patient: `sizes[p]` of them in part p, at random, then swapped until nothing improves."""
    place = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    cost = _Cost(counts, needed, sizes)
    for _ in range(_SWEEPS):
        swaps = 0
        for patient in rng.permutation(len(place))[:_OFFERS]:
            sums = np.stack([counts[place == part].sum(axis=0) for part in range(len(sizes))])
            if cost.of(np.arange(len(sizes)), sums).max() < _CLOSE:
                return place
            swaps += _swap_best(cost, place, patient, sums)
        if not swaps:
            break
    return place


class _Cost:
    """How far the sums of a part are from its fair part of the cohort.

    Per column: the squared difference as a share of the part's nodules; and `_ABSENT` for a needed column
    of which the part has none.
    """

    def __init__(
        self, counts: NDArray[np.float64], needed: NDArray[np.bool_], sizes: NDArray[np.intp]
    ) -> None:
        self.counts = counts
        self.needed = needed
        shares = sizes / sizes.sum()
        self.fair = shares[:, None] * counts.sum(axis=0)
        self.nodules = self.fair[:, :1]

    def of(self, part: NDArray[np.intp] | np.intp, sums: NDArray[np.float64]) -> Any:
        """Cost of `part` (...,) if it held `sums` (..., K)."""
        unequal = ((sums - self.fair[part]) / self.nodules[part]) ** 2
        absent = self.needed & (sums <= 0)
        return unequal.sum(axis=-1) + _ABSENT * absent.sum(axis=-1)


def _swap_best(cost: _Cost, place: NDArray[np.intp], patient: int, sums: NDArray[np.float64]) -> bool:
    """Swap `patient` with the patient of another part that lowers the cost most; say if any does."""
    own = place[patient]
    others = np.flatnonzero(place != own)
    there = place[others]
    change = cost.counts[others] - cost.counts[patient]
    now = cost.of(np.arange(len(sums)), sums)
    gain = now[own] + now[there] - cost.of(own, sums[own] + change) - cost.of(there, sums[there] - change)
    best = int(gain.argmax())
    if gain[best] <= _NO_GAIN:
        return False
    place[others[best]], place[patient] = own, there[best]
    return True


def _check_classes(patients: NDArray[Any], labels: pd.DataFrame) -> None:
    for column in labels.columns:
        for category in np.unique(labels[column][labels[column] >= 0]):
            holders = len(np.unique(patients[(labels[column] == category).to_numpy()].astype(str)))
            if holders < len(Part):
                raise InputError(
                    f"split: class {category} of target {column} is in {holders} patient(s), so it cannot "
                    f"be in all of {', '.join(Part)}. Use more patients, or another label policy "
                    "(labels in params.yaml)"
                )


def _check_presence(counts: NDArray[np.float64], needed: NDArray[np.bool_], place: NDArray[np.intp]) -> None:
    sums = np.stack([counts[place == part].sum(axis=0) for part in range(len(Part))])
    if (sums[:, needed] <= 0).any():
        raise InputError(
            "split: no division of the patients was found in which every class is in train, val and test. "
            "Use more patients, raise split.val_fraction or split.test_fraction, or change split.seed"
        )
