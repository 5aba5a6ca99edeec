"""What a model says about labelled nodules, as table PREDICTIONS."""

from __future__ import annotations

import pandas as pd

from lungml.bundle import Bundle, predict
from lungml.evaluation.tta import predict_tta
from lungml.imaging.store import ViewStore
from lungml.terms import Target


def labelled(split: pd.DataFrame, target: Target) -> pd.DataFrame:
    """The rows of table SPLIT that have a label of this target, sorted; it is their column `label`."""
    rows = split[split[target.value] >= 0].rename(columns={target.value: "label"})
    return rows[["nodule_id", "patient_id", "part", "label"]].sort_values("nodule_id", ignore_index=True)


def answer(model: Bundle, store: ViewStore, rows: pd.DataFrame) -> pd.DataFrame:
    """Table PREDICTIONS of `rows`, which have its first columns.

    Raises:
        InputError: a nodule has no view.
    """
    images_hu = store.images_hu[store.rows_of(rows["nodule_id"].tolist())]
    return rows[["nodule_id", "patient_id", "part", "label"]].assign(
        probabilities=list(predict(model, images_hu)), probabilities_tta=list(predict_tta(model, images_hu))
    )
