"""Test cases to show (right, wrong and undecided answers for each class), and cases to check maps on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

Group = Literal["correct", "wrong", "uncertain"]
GROUPS: tuple[Group, ...] = ("correct", "wrong", "uncertain")


@dataclass(frozen=True)
class Case:
    """A test nodule to show, and why."""

    nodule_id: str
    group: Group
    label: int
    predicted: int
    probabilities: tuple[float, ...]


def choose_cases(test: pd.DataFrame, cases_per_group: int) -> list[Case]:
    """Choose for each true class: the surest right answers, the surest wrong ones, the closest calls.

    A nodule is shown once; what is surest goes first, then the nodule_id. A group may have fewer cases.

    Args:
        test: `nodule_id`, `label` and `probabilities` of the test nodules.
        cases_per_group: at most so many for each class and group.

    Returns:
        Ordered by class, then as `GROUPS`.
    """
    probabilities = np.stack(test["probabilities"].to_list())
    ordered = np.sort(probabilities, axis=1)
    rows = test.assign(
        predicted=probabilities.argmax(axis=1),
        sureness=ordered[:, -1],
        lead=ordered[:, -1] - ordered[:, -2],
    )
    chosen: list[Case] = []
    for label in range(probabilities.shape[1]):
        of_class = rows[rows["label"] == label]
        for group in GROUPS:
            left = of_class[~of_class["nodule_id"].isin([case.nodule_id for case in chosen])]
            chosen += [_case(row, group) for _, row in _best(left, group).head(cases_per_group).iterrows()]
    return chosen


def choose_sample(test: pd.DataFrame, count: int) -> list[str]:
    """The nodule_ids of at most `count` patients' nodules, one a patient, the true classes in turn.

    Args:
        test: `nodule_id`, `patient_id` and `label` of the test nodules.
        count: how many are wanted.
    """
    left = test.sort_values("nodule_id")
    chosen: list[str] = []
    while len(chosen) < count and len(left):
        for label in sorted(set(test["label"])):
            of_class = left[left["label"] == label]
            if len(of_class) and len(chosen) < count:
                chosen.append(of_class["nodule_id"].iloc[0])
                left = left[left["patient_id"] != of_class["patient_id"].iloc[0]]
    return chosen


def _best(rows: pd.DataFrame, group: Group) -> pd.DataFrame:
    right = rows["predicted"] == rows["label"]
    if group == "uncertain":
        return rows.sort_values(["lead", "nodule_id"])
    return rows[right == (group == "correct")].sort_values(["sureness", "nodule_id"], ascending=[False, True])


def _case(row: pd.Series, group: Group) -> Case:
    probabilities = tuple(float(value) for value in row["probabilities"])
    return Case(row["nodule_id"], group, int(row["label"]), int(row["predicted"]), probabilities)
