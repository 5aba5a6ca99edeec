"""How good a model is on the validation part, with the averaged weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call

from lungml.augment.balance import IntArray
from lungml.errors import ModelError
from lungml.evaluation.metrics import values
from lungml.evaluation.tally import check_cases
from lungml.imaging.intensity import normalise
from lungml.training.data import TrainingData

BLOCK = 64
"""Images that go through a network at once where nothing is learned."""


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


def validation_images(data: TrainingData) -> Iterator[tuple[Tensor]]:
    """The images of the validation part, normalised, in `BLOCK`s."""
    for part in torch.split(torch.from_numpy(data.val.images_hu), BLOCK):
        yield (normalise(part, data.normalisation),)


def validate(
    network: nn.Module,
    weights: Mapping[str, Tensor],
    batches: Iterable[tuple[Tensor, ...]],
    labels: IntArray,
) -> Validation:
    """Predict the validation part with `weights` in the place of the network's own.

    Args:
        network: gives logits; it is left in evaluation mode.
        weights: for all of the network, at least.
        batches: its inputs, in the order of `labels`.
        labels: (N,), of at least two classes.

    Raises:
        DivergedError: a prediction is not a number.
    """
    network.eval()
    own = {name: weights[name] for name in network.state_dict()}
    with torch.inference_mode():
        logits = torch.cat([functional_call(network, own, inputs) for inputs in batches]).double()
        loss = float(torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels)))
    if not math.isfinite(loss):
        raise DivergedError(
            "the validation loss is not a number: the weights have grown without bound. "
            "Lower the learning rate (tune.space.learning_rate in params.yaml)"
        )
    return _measure(labels, logits.softmax(dim=1).numpy(), loss)


def _measure(labels: IntArray, probabilities: NDArray[np.float64], loss: float) -> Validation:
    names = ("weighted_auprc", "balanced_accuracy")
    found = values(check_cases(labels, probabilities), np.ones((1, len(labels))), names)
    headline, balanced = (float(found[name][0]) for name in names)
    if math.isnan(headline) or math.isnan(balanced):  # at least two classes are there, so both are defined
        raise ModelError("the validation metrics are not defined; check the validation part's labels")
    return Validation(loss, headline, balanced)
