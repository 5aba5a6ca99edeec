# mypy: disable-error-code="no-any-return"
"""What needs no image: the rows every table of results holds beside the model.

On LIDC's public nodule table the diameter alone reaches a weighted AUPRC of 0.908; a model that is not above
its own diameter row has not used the image.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from lungml.evaluation.ranking import FloatArray

Baseline = Callable[[pd.DataFrame, pd.DataFrame, int], FloatArray]
"""(known, new, classes) -> (N, classes) probabilities of `new`. `known` holds `label` and `diameter_mm` of
the nodules it may learn from (train and validation), `new` only has to hold `diameter_mm`; NaN is unknown."""


def _majority(known: pd.DataFrame, new: pd.DataFrame, classes: int) -> FloatArray:
    return np.tile(np.eye(classes)[_shares(known, classes).argmax()], (len(new), 1))


def _prevalence(known: pd.DataFrame, new: pd.DataFrame, classes: int) -> FloatArray:
    return np.tile(_shares(known, classes), (len(new), 1))


def _diameter(known: pd.DataFrame, new: pd.DataFrame, classes: int) -> FloatArray:
    """Logistic regression (multinomial from three classes on) on the standardised log diameter."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if known["label"].nunique() < 2:
        return _prevalence(known, new, classes)
    usual_mm = float(known["diameter_mm"].median())
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(size_features(known, usual_mm), known["label"])
    probabilities = np.zeros((len(new), classes))
    probabilities[:, model.classes_] = model.predict_proba(size_features(new, usual_mm))
    return probabilities


BASELINES: dict[str, Baseline] = {
    "majority": _majority,
    "prevalence": _prevalence,
    "diameter": _diameter,
}
"""Name in the tables of results -> baseline."""


def _shares(known: pd.DataFrame, classes: int) -> FloatArray:
    return np.bincount(known["label"], minlength=classes) / len(known)


def size_features(nodules: pd.DataFrame, usual_mm: float) -> FloatArray:
    """(n, 1): log of the diameter; where it is unknown, of `usual_mm` (NaN if none is known)."""
    filled = nodules[["diameter_mm"]].fillna(1.0 if np.isnan(usual_mm) else usual_mm)
    return np.log(filled.to_numpy(dtype=np.float64))
