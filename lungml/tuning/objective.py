"""What a search maximises: the validation weighted AUPRC of a candidate, on one or several folds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from lungml import compute
from lungml.errors import ParamsError
from lungml.params.model import TuneParams, WeightsParams
from lungml.terms import Part
from lungml.training.assembly import build_classifier
from lungml.training.data import TrainingData
from lungml.training.loop import Settings, train
from lungml.training.prefixes import Prefixes
from lungml.training.state import EpochRecord
from lungml.training.validation import DivergedError
from lungml.tuning.candidate import Candidate, apply_candidate
from lungml.tuning.search import Objective


def tuning_splits(split: pd.DataFrame, folds: int) -> list[pd.DataFrame]:
    """The divisions a candidate is trained and judged on; no test row is train or val in any of them.

    Args:
        split: table SPLIT.
        folds: 1 takes its train and val; from 2 on the first so many of its folds are val in turn, and the
            rest of train and val is train.

    Raises:
        ParamsError: the table has fewer folds.
    """
    if folds == 1:
        return [split]
    there = int(split["fold"].max()) + 1
    if folds > there:
        raise ParamsError(
            f"tune.folds is {folds}, and the split has {there} folds; "
            "lower it or raise split.folds in params.yaml"
        )
    return [_with_fold_as_val(split, fold) for fold in range(folds)]


def _with_fold_as_val(split: pd.DataFrame, fold: int) -> pd.DataFrame:
    part = split["part"].astype("object")
    known = part.isin([Part.TRAIN.value, Part.VAL.value])
    part[known] = Part.TRAIN.value
    part[known & (split["fold"] == fold)] = Part.VAL.value
    return split.assign(part=part)


def fold_scores(
    tune: TuneParams,
    weights: WeightsParams,
    backbone: str,
    folds: Sequence[TrainingData],
    *,
    folder: Path | None = None,
) -> Objective:
    """Train a candidate on each fold for `tune.all_epochs` epochs, always from the same weights.

    Candidates share what frozen layers made of a fold (`recipe.cache_prefix`): the first one pays for it.
    What of that is too much for memory is in `folder`; None is the system's for temporary files.
    """
    prefixes = Prefixes(folder, most=len(folds))

    def scores(candidate: Candidate) -> Iterator[Iterator[float]]:
        recipe, chosen = apply_candidate(tune.recipe, candidate)
        settings = Settings(
            batch_size=chosen.batch_size,
            optimizer=chosen.optimizer,
            learning_rate=chosen.learning_rate,
            head_epochs=tune.head_epochs,
            epochs=tune.epochs,
            patience=tune.epochs,
            recipe=recipe,
            seed=tune.seed,
            device=compute.device(),
        )
        for data in folds:
            classifier = build_classifier(backbone, chosen.head, data, weights, seed=settings.seed)
            yield _epochs(train(classifier, data, settings, prefixes=prefixes))

    return scores


def _epochs(records: Iterator[EpochRecord]) -> Iterator[float]:
    try:
        for record in records:
            yield record.val_weighted_auprc
    except DivergedError:
        yield math.nan
