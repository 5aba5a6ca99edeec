"""From what single readers would say to what the label policy makes of a panel of them.

A network that is trained on the readers' distribution answers how likely a reader is to give each score. The
label is something else: the policy's summary of the scores of all readers of a nodule. Given the nodule,
readers are taken to score independently, so the label's probabilities are a sum over all scores that a panel
can give, and nothing has to be fitted.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungml.labels import LEFT_OUT, labels_of
from lungml.params.data import LabelParams

_SCORES = 5


def panel_sizes(scores: Sequence[Sequence[int]]) -> dict[int, float]:
    """How large the panels of nodules are: number of readers -> share of the nodules that any reader scored.

    Args:
        scores: of N nodules, malignancy of each reader who gave one.

    Returns:
        Shares that sum to 1, by rising number; empty if no nodule was scored.
    """
    sizes = np.array([len(values) for values in scores if len(values)], dtype=np.int64)
    found, counts = np.unique(sizes, return_counts=True)
    return {int(size): float(count / len(sizes)) for size, count in zip(found, counts, strict=True)}


def label_probabilities(
    of_a_reader: NDArray[np.float64], sizes: Mapping[int, float], policy: LabelParams
) -> NDArray[np.float64]:
    """Probabilities of the five-point labels of nodules that are scored by panels.

    Args:
        of_a_reader: (N, 5), how likely one reader is to give a nodule each score from 1 to 5.
        sizes: number of readers of a panel -> how often, from `panel_sizes`.
        policy: makes one label of a panel's scores.

    Returns:
        (N, 5), rows sum to 1. Scores that the policy gives no label count as not drawn; where it gives none
        to any panel, the row is `of_a_reader`.
    """
    total = np.zeros_like(of_a_reader)
    for size, share in sizes.items():
        counts = _counts(size)
        labels = _labels(counts, policy)
        likely = _likelihoods(of_a_reader, counts) * share
        for label in range(_SCORES):
            total[:, label] += likely[:, labels == label].sum(axis=1)
    sums = total.sum(axis=1, keepdims=True)
    return np.where(sums > 0, total / np.where(sums > 0, sums, 1), of_a_reader)


def _counts(size: int) -> NDArray[np.int64]:
    """All ways (M, 5) in which `size` readers can share out over the scores."""
    bars = itertools.combinations(range(size + _SCORES - 1), _SCORES - 1)
    ends = np.array([(-1, *bar, size + _SCORES - 1) for bar in bars])
    counts: NDArray[np.int64] = np.diff(ends, axis=1) - 1
    return counts


def _likelihoods(of_a_reader: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(N, M): multinomial probability of each way, for each nodule."""
    ways = np.array(
        [math.factorial(int(row.sum())) / math.prod(map(math.factorial, row.tolist())) for row in counts]
    )
    powers = of_a_reader[:, None, :] ** counts[None, :, :]
    likely: NDArray[np.float64] = ways * powers.prod(axis=2)
    return likely


def _labels(counts: NDArray[np.int64], policy: LabelParams) -> NDArray[np.int64]:
    """(M,): five-point label 0 to 4 of each way, or -1."""
    scores = [np.repeat(np.arange(1, _SCORES + 1), row).tolist() for row in counts]
    rows = pd.DataFrame(
        {"nodule_id": range(len(scores)), "patient_id": "", "scores": scores, "label": LEFT_OUT}
    )
    unshuffled = policy.model_copy(update={"permute_seed": None})
    labels: NDArray[np.int64] = labels_of(rows, unshuffled)["five"].to_numpy(np.int64)
    return labels
