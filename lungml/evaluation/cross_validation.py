"""A model of several folds on train and validation, beside the diameter alone in the same folds.

The test part is small and opened seldom; this comparison has several times as many patients, and is what
development goes by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungml.errors import InputError
from lungml.evaluation.baselines import BASELINES, Lesson
from lungml.evaluation.bootstrap import draw_patients, resample
from lungml.evaluation.comparison import compare, in_words
from lungml.evaluation.metrics import HEADLINE
from lungml.evaluation.ranking import FloatArray, IntArray
from lungml.evaluation.results import PRIMARY, differences, judge, values_of
from lungml.evaluation.tally import Cases, check_cases
from lungml.params.evaluation import EvaluateParams
from lungml.params.model import ScreenParams

FILE = "left_out.parquet"
"""Table BASELINES of train and validation, in the folder of a task's baselines."""

_ANSWERS = {"raw": "probabilities", "tta": "probabilities_tta"}


def answer_by_diameter(
    sizes: FloatArray, labels: IntArray, folds: NDArray[np.int64], *, classes: int, params: ScreenParams
) -> FloatArray:
    """Probabilities (N, classes), each by the baseline fitted on the other folds.

    Args:
        sizes: (N, 1), as `size_features` gives them; NaN where one is not known.
        labels: (N,), 0 to `classes` - 1.
        folds: (N,).
        classes: how many there are.
        params: penalty of the baseline.
    """
    answers = np.empty((len(labels), classes))
    for fold in np.unique(folds):
        left_out = folds == fold
        lesson = Lesson(sizes[~left_out], labels[~left_out], sizes[left_out], classes, params)
        answers[left_out] = BASELINES[PRIMARY](lesson)
    return answers


def beside_diameter(left_out: pd.DataFrame, diameter: pd.DataFrame, params: EvaluateParams) -> dict[str, Any]:
    """Measure a model of folds and the diameter on the same nodules of the same drawn patients.

    Args:
        left_out: table PREDICTIONS of train and validation, by members that did not see a nodule's patient.
        diameter: table BASELINES of the same nodules, see `answer_by_diameter`.
        params: confidence, replicates and seed.

    Returns:
        n, patients; for `raw`, `tta` and `diameter` every metric's value, low, high, chance and skill; for
        `raw_minus_diameter` and `tta_minus_diameter` value, low and high; `words`: what the headline's allow
        to say.

    Raises:
        InputError: the diameter answered other nodules.
    """
    if set(left_out["nodule_id"]) != set(diameter["nodule_id"]):
        raise InputError(
            f"the model's out-of-fold answers are to {len(left_out)} nodules and the diameter's to "
            f"{len(diameter)} others; run `dvc repro baselines`"
        )
    by_size = diameter.set_index("nodule_id")["probabilities"].loc[left_out["nodule_id"]]
    labels, patients = left_out["label"], left_out["patient_id"]
    size = _cases(labels, by_size.to_list())
    draws = draw_patients(patients, params.replicates, params.seed)
    drawn_size = resample(size, draws)
    found: dict[str, Any] = {"n": len(left_out), "patients": int(patients.nunique()), "words": {}}
    found["diameter"] = values_of(judge(size, patients), params.confidence)
    for name, column in _ANSWERS.items():
        cases = _cases(labels, left_out[column].to_list())
        drawn = resample(cases, draws)
        found[name] = values_of(judge(cases, patients), params.confidence)
        found[f"{name}_minus_diameter"] = differences(drawn, drawn_size, params.confidence)
        headline = compare(drawn, drawn_size, HEADLINE, params.confidence)
        found["words"][name] = in_words(headline.value, headline.p, params.confidence)
    return found


def _cases(labels: pd.Series[int], answers: Sequence[Any]) -> Cases:
    return check_cases(labels, np.stack(answers))
