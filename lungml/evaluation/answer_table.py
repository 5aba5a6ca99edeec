"""What a model says about images nobody has labelled, and which of its answers to abstain from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungml.bundle import Bundle
from lungml.evaluation.ood import distances_from_train
from lungml.terms import Target

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answers:
    """About N images."""

    probabilities: FloatArray
    """(N, K)."""
    far: FloatArray
    """(N,): distances from the images of train; NaN if the model does not know what is usual."""


def answer_images(
    bundle: Bundle,
    images_hu: NDArray[np.int16],
    predict: Callable[[Bundle, NDArray[np.int16]], FloatArray],
) -> Answers:
    """Answer about views (N, C, H, W) in HU by `predict`.

    How far they lie is of the views as they are and for the first member, so it costs one pass more through
    one backbone.
    """
    far = np.full(len(images_hu), np.nan)
    probabilities = predict(bundle, images_hu)
    if bundle.usual is not None:
        far = distances_from_train(bundle, bundle.usual, images_hu)
    return Answers(probabilities, far)


def answer_table(target: Target, answers: Answers, threshold: float | None) -> pd.DataFrame:
    """One row an image.

    Args:
        target: what the model predicts.
        answers: of it.
        threshold: the distance beyond which not to believe them; None if that is not known.

    Returns:
        p1 to p5 (for the target `five`), p_malignant, distance, out_of_distribution; the last two are missing
        values where they are not known.
    """
    beyond = pd.array(answers.far > (np.inf if threshold is None else threshold), dtype="boolean")
    beyond[np.isnan(answers.far)] = pd.NA
    columns = probability_columns(target, answers.probabilities)
    return pd.DataFrame(columns | {"distance": answers.far}).assign(out_of_distribution=beyond)


def probability_columns(target: Target, probabilities: FloatArray) -> dict[str, FloatArray]:
    """p1 to p5 for the target `five`, and p_malignant (p4 + p5) of probabilities (N, K)."""
    if target is Target.BINARY:
        return {"p_malignant": probabilities[:, 1]}
    scores = {f"p{score}": column for score, column in enumerate(probabilities.T, start=1)}
    return scores | {"p_malignant": scores["p4"] + scores["p5"]}


def abstention_sentence(table: pd.DataFrame, threshold: float | None, *, members: int) -> str:
    """How many of the answers in `answer_table` not to believe."""
    if threshold is None:
        return (
            "warning: whether these images are like those of train is not known, since an older lungml made "
            "this model; train it again (`dvc repro`) for distance and out_of_distribution"
        )
    beyond = int(table["out_of_distribution"].sum())
    of = "" if members == 1 else f" (as the first of {members} members sees them)"
    said = "abstain from their answers (out_of_distribution)" if beyond else "no answer to abstain from"
    return f"{beyond} of {len(table)} lie farther from the images of train than {threshold:.2f}{of}: {said}"
