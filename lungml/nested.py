"""Nested cross-validation by patient: all of the choosing is done anew without each fold, and judged on it.

What a model was chosen by flatters it: of many equal ones, the one that looks best on some nodules looks
better there than it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lungml.evaluation.metrics import measure
from lungml.evaluation.tally import check_cases
from lungml.members.outcome import estimate
from lungml.splits import assign_folds
from lungml.terms import Part, Target

HEADLINE = "weighted_auprc"


@dataclass(frozen=True)
class Chosen:
    """What was chosen without an outer fold.

    `claims` are the weighted AUPRC by which it was chosen, by what claims it; `answers` is table PREDICTIONS
    of the outer fold by the model that was made of it.
    """

    claims: Mapping[str, float]
    answers: pd.DataFrame


Choose = Callable[[int, pd.DataFrame], Chosen]
"""A fold, and table SPLIT of train and validation in which it is the test part -> what was chosen."""


def outer_split(split: pd.DataFrame, fold: int, target: Target, *, seed: int) -> pd.DataFrame:
    """Table SPLIT of train and validation, in which one of its folds is the test part.

    The others keep their part; they are divided anew into as many folds as there were.
    """
    known = split[split["part"].isin([Part.TRAIN.value, Part.VAL.value])].reset_index(drop=True)
    outer = (known["fold"] == fold).to_numpy()
    folds = np.full(len(known), -1, dtype=np.int8)
    rest = known[~outer]
    count = int(known["fold"].max()) + 1
    folds[~outer] = assign_folds(
        rest["patient_id"].to_numpy(), rest[[target.value]], folds=count, seed=seed + fold
    )
    return known.assign(part=known["part"].mask(outer, Part.TEST.value), fold=folds)


def nested_estimate(split: pd.DataFrame, choose: Choose, target: Target, *, seed: int) -> dict[str, Any]:
    """Choose without each fold of table SPLIT and judge on it.

    Returns:
        `nested`: metrics {raw, tta: {name: {value, low, high, ...}}} of all answers together, intervals by
        patient. `by_fold`: of each outer fold its nodules, patients, weighted AUPRC and the claims. `claims`
        and `optimism`: their means, and how far they lie above what was found on the outer folds.
    """
    chosen = [
        choose(fold, outer_split(split, fold, target, seed=seed))
        for fold in range(int(split["fold"].max()) + 1)
    ]
    rows = [_row(fold, each) for fold, each in enumerate(chosen)]
    claims = {name: float(np.mean([each.claims[name] for each in chosen])) for name in chosen[0].claims}
    found = float(np.mean([row[HEADLINE] for row in rows]))
    return {
        "nested": estimate(pd.concat([each.answers for each in chosen], ignore_index=True)),
        "by_fold": rows,
        "claims": claims,
        "optimism": {name: claim - found for name, claim in claims.items()},
    }


def _row(fold: int, chosen: Chosen) -> dict[str, Any]:
    answers = chosen.answers
    measures = measure(check_cases(answers["label"], np.stack(answers["probabilities"].to_list())))
    return {
        "fold": fold,
        "nodules": len(answers),
        "patients": int(answers["patient_id"].nunique()),
        HEADLINE: measures[HEADLINE].value,
        **{name: float(claim) for name, claim in chosen.claims.items()},
    }
