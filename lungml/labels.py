"""Label policies: from the scores several readers gave a nodule to one score and one class.

A policy is a `LabelParams`; `policy_sha256` names it in results, because results under different policies
must never share a ranking. The score is an impression of radiologists, not pathology.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungml.files import sha256_json
from lungml.params.data import LabelParams
from lungml.terms import Target

LEFT_OUT = -1
"""Class of a nodule that the policy leaves out."""

POLICIES: dict[str, LabelParams] = {
    "mean": LabelParams(aggregation="mean"),
    "mean-ties-lower": LabelParams(aggregation="mean", ties="lower"),
    "median": LabelParams(aggregation="median"),
    "mode": LabelParams(aggregation="mode"),
    "mode-or-mean": LabelParams(aggregation="mode-or-mean"),
    "mean-without-threes": LabelParams(aggregation="mean", threes="drop"),
    "three-readers": LabelParams(aggregation="mean", min_readers=3),
    "three-readers-without-threes": LabelParams(aggregation="mean", min_readers=3, threes="drop"),
}
"""Policies that are compared side by side. The first is the seed study's cut, 1-3 against 4-5; the last is
the strictest, which most published work uses in some form (Baltatzis et al. 2021, arXiv 2108.05386)."""


def score(scores: Sequence[int], params: LabelParams) -> float:
    """One score from the readers' scores.

    Args:
        scores: malignancy of each reader who gave one, whole numbers from 1 to 5, in any order.
        params: the policy.

    Returns:
        From 1 to 5; NaN if there are fewer than `min_readers` scores.
    """
    if len(scores) < params.min_readers:
        return math.nan
    return _AGGREGATIONS[params.aggregation]([int(value) for value in scores], params)


def labels_of(nodules: pd.DataFrame, params: LabelParams) -> pd.DataFrame:
    """Score and classes of every nodule, in the order of `nodules`.

    Args:
        nodules: columns nodule_id, patient_id, scores and label, as in the table of nodules.
        params: the policy.

    Returns:
        nodule_id; score; scores of the readers behind it (none where a label is given); five: 0 to 4;
        binary: 1 (malignant) where the five-point class is 4 or 5, else 0.
        What the policy leaves out has class -1: with too few readers both (and score NaN), and with
        `threes: drop` the binary class of threes. A given label is the binary class under every policy, and
        leaves no five-point class: it says something else than the readers' scale.
    """
    values = np.array([score(scores, params) for scores in nodules["scores"]], dtype=np.float64)
    five = _five(values, params)
    binary = _binary(five, params)
    given = nodules["label"].to_numpy() != LEFT_OUT
    frame = pd.DataFrame(
        {
            "nodule_id": nodules["nodule_id"].to_numpy(),
            "score": values,
            "scores": _of_readers(nodules["scores"].tolist(), given),
            "binary": np.where(given, nodules["label"], binary).astype(np.int8),
            "five": np.where(given, LEFT_OUT, five).astype(np.int8),
        }
    )
    if params.permute_seed is None:
        return frame
    return _permuted(frame, nodules["patient_id"].to_numpy(), params.permute_seed)


def reader_shares(scores: Sequence[Sequence[int]], target: Target) -> NDArray[np.float64]:
    """Which share of the readers gave each class.

    Args:
        scores: of N nodules, malignancy of each reader who gave one, 1 to 5.
        target: five-point, or benign (1 to 3) against malignant (4 and 5).

    Returns:
        (N, K), rows sum to 1; NaN where no reader gave a score.
    """
    classes = len(target.class_names)
    shares = np.full((len(scores), classes), np.nan)
    for row, values in enumerate(scores):
        if len(values):
            given = np.asarray(values, dtype=np.int64)
            chosen = given - 1 if target is Target.FIVE else (given >= 4).astype(np.int64)
            shares[row] = np.bincount(chosen, minlength=classes) / len(given)
    return shares


def policy_sha256(params: LabelParams) -> str:
    """Checksum that names a policy: equal policies, and only they, have equal sums."""
    return sha256_json(params.model_dump(mode="json"))


def policy_table(
    nodules: pd.DataFrame, policies: Mapping[str, LabelParams] | None = None
) -> list[dict[str, Any]]:
    """How the data look under each policy (default: `POLICIES`), one row per policy.

    Returns:
        Rows {policy, sha256, nodules, patients, left_out, binary_nodules, prevalence, classes}: labelled
        nodules and their patients; nodules without a label; nodules with a binary label and the malignant
        share of them (None if there are none); nodules per five-point class.
    """
    table = POLICIES if policies is None else policies
    return [_policy_row(name, nodules, params) for name, params in table.items()]


def _policy_row(name: str, nodules: pd.DataFrame, params: LabelParams) -> dict[str, Any]:
    labels = labels_of(nodules, params)
    kept = _labelled(labels)
    binary = labels.loc[labels["binary"] != LEFT_OUT, "binary"]
    names = Target.FIVE.class_names
    five = labels.loc[labels["five"] != LEFT_OUT, "five"]
    counts = np.bincount(five, minlength=len(names))
    return {
        "policy": name,
        "sha256": policy_sha256(params),
        "nodules": int(kept.sum()),
        "patients": int(nodules.loc[kept, "patient_id"].nunique()),
        "left_out": int((~kept).sum()),
        "binary_nodules": len(binary),
        "prevalence": float(binary.mean()) if len(binary) else None,
        "classes": {name: int(count) for name, count in zip(names, counts, strict=True)},
    }


def _labelled(labels: pd.DataFrame) -> NDArray[np.bool_]:
    """Which nodules have a class under at least one target."""
    kept: NDArray[np.bool_] = (labels[["binary", "five"]] != LEFT_OUT).any(axis=1).to_numpy()
    return kept


def _of_readers(scores: Sequence[Sequence[int]], given: NDArray[np.bool_]) -> list[list[int]]:
    return [[] if has else list(values) for has, values in zip(given, scores, strict=True)]


def _five(values: NDArray[np.float64], params: LabelParams) -> NDArray[np.int8]:
    rounded = np.floor(values + 0.5) if params.ties == "higher" else np.ceil(values - 0.5)
    return np.where(np.isnan(values), LEFT_OUT, np.clip(rounded, 1, 5) - 1).astype(np.int8)


def _binary(five: NDArray[np.int8], params: LabelParams) -> NDArray[np.int8]:
    out = five == LEFT_OUT
    if params.threes == "drop":
        out = out | (five == 2)
    return np.where(out, LEFT_OUT, five >= 3).astype(np.int8)


def _mode_or_mean(scores: list[int], _: LabelParams) -> float:
    """The rule of the public crops of mtzig/LIDC_GDRO, whose class counts it gives back."""
    ranked = Counter(scores).most_common(2)
    if len(ranked) == 1 or ranked[0][1] > ranked[1][1]:
        return float(ranked[0][0])
    return float(math.ceil(statistics.fmean(scores)))


def _mode(scores: list[int], params: LabelParams) -> float:
    counts = Counter(scores)
    most = max(counts.values())
    tied = [value for value, count in counts.items() if count == most]
    return float(max(tied) if params.ties == "higher" else min(tied))


_AGGREGATIONS: dict[str, Callable[[list[int], LabelParams], float]] = {
    "mean": lambda scores, _: statistics.fmean(scores),
    "median": lambda scores, _: float(statistics.median(scores)),
    "mode": _mode,
    "mode-or-mean": _mode_or_mean,
}


def _permuted(frame: pd.DataFrame, patients: NDArray[Any], seed: int) -> pd.DataFrame:
    """Labels given to other patients.

    All patients' label lists, laid end to end in one random order, are dealt out to the patients in another.
    Class counts stay as they are, and labels of one patient mostly stay together; no label depends on its
    image, on the size of its patient's list, or on the order of the rows any more.
    """
    ids = frame["nodule_id"].to_numpy()
    rows = np.flatnonzero(_labelled(frame))
    rng = np.random.default_rng(seed)
    giver, taker = (_patient_by_patient(rows, patients, ids, rng) for _ in range(2))
    permuted = frame.copy()
    for column in ("score", "scores", "binary", "five"):
        values = frame[column].to_numpy().copy()
        values[taker] = frame[column].to_numpy()[giver]
        permuted[column] = values
    return permuted


def _patient_by_patient(
    rows: NDArray[np.intp], patients: NDArray[Any], ids: NDArray[Any], rng: np.random.Generator
) -> NDArray[np.intp]:
    """`rows`, patients in random order and the nodules of each in random order, whatever their order was."""
    by_id = rows[np.argsort(ids[rows].astype(str), kind="stable")]
    _, patient = np.unique(patients[by_id].astype(str), return_inverse=True)
    place = rng.permutation(patient.max(initial=0) + 1)
    return by_id[np.lexsort((rng.random(len(by_id)), place[patient]))]
