"""How good a model is on the validation part, with the averaged weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from lungml.augment.balance import IntArray
from lungml.errors import ModelError
from lungml.evaluation.metrics import measure
from lungml.evaluation.tally import check_cases
from lungml.imaging.intensity import normalise
from lungml.training.data import TrainingData

_BATCH = 64


class DivergedError(ModelError):
    """A loss is no longer a number."""


@dataclass(frozen=True)
class Validation:
    """Result on the validation part; `loss` is the plain cross-entropy, whatever the training uses."""

    loss: float
    weighted_auprc: float
    balanced_accuracy: float

    def is_better_than(self, other: Validation | None) -> bool:
        """Higher weighted AUPRC, or the same and a lower loss."""
        return other is None or (self.weighted_auprc, -self.loss) > (other.weighted_auprc, -other.loss)


def validate(classifier: nn.Module, weights: Mapping[str, Tensor], data: TrainingData) -> Validation:
    """Predict the validation part with `weights` in the place of the classifier's own.

    Raises:
        DivergedError: a prediction is not a number.
    """
    classifier.eval()
    images = torch.from_numpy(data.val.images_hu)
    labels = torch.from_numpy(data.val.labels)
    with torch.inference_mode():
        logits = torch.cat(
            [
                functional_call(classifier, dict(weights), (normalise(part, data.normalisation),))
                for part in torch.split(images, _BATCH)
            ]
        ).double()
        loss = float(torch.nn.functional.cross_entropy(logits, labels))
    if not math.isfinite(loss):
        raise DivergedError(
            "the validation loss is not a number: the weights have grown without bound. "
            "Lower the learning rate (tune.learning_rate in params.yaml)"
        )
    return _measure(data.val.labels, logits.softmax(dim=1).numpy(), loss)


def _measure(labels: IntArray, probabilities: NDArray[np.float64], loss: float) -> Validation:
    measures = measure(check_cases(labels, probabilities))
    headline, balanced = measures["weighted_auprc"].value, measures["balanced_accuracy"].value
    if headline is None or balanced is None:  # at least two classes are there, so both are defined
        raise ModelError("the validation metrics are not defined; check the validation part's labels")
    return Validation(loss, headline, balanced)
