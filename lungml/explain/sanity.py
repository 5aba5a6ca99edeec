"""Weight randomisation: maps and answers of a model beside those of the same model with shuffled weights.

A network keeps its architecture and the statistics of its weights when each tensor's values are put in random
order, and loses all that it learnt. What it shows then is what any such network shows of these images. The
weights are destroyed step by step from the output to the input, and wholly by several shuffles. Weights that
were drawn at random and never trained are one more shuffle among them, so such a model beats them all once
in `_SHUFFLES` + 1 times, whatever the images.

Source: Adebayo et al. 2018, arXiv 1810.03292.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor

from lungml.explain.gradcam import grad_cam
from lungml.models.classifier import Classifier
from lungml.models.freezing import layer_groups

_FRACTIONS = {"head": 0.0, "head and last half": 0.5}
"""Step -> share of the backbone's layer groups, from the output on, that is destroyed with the head."""
_ALL = "all layers"
_SHUFFLES = 19
"""Of all layers; a model without knowledge beats them all in one of 20 cases."""
_NO_LIKENESS = 0.1
"""Maps whose rank correlation is below this have nothing in common."""
_LEAST_GAIN = 0.02
"""Of a model that knows anything; untrained networks give nearly even answers."""
_SOFTER = (1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
"""Temperatures that are tried, so that a model that is too sure is not taken for one that knows nothing."""


@dataclass(frozen=True)
class Sample:
    """Images that a check is made on."""

    images: Tensor
    """(N, C, H, W), normalised, N at least 2."""
    classes: Tensor
    """(N,), the class to explain in each image."""
    labels: Tensor
    """(N,), the true class."""


@dataclass(frozen=True)
class Sanity:
    """Mean rank correlation (-1 to 1) of maps, None where they are constant; and how well answers fit."""

    similarity: dict[str, float | None]
    """Step -> of each image's map with its map after that step."""
    other_images: float | None
    """Of each image's map with the next image's map, by the trained model."""
    between_shuffles: float | None
    """Of the maps of one image by two networks with shuffled weights: what image and architecture give."""
    gain: float
    """By how much of its cross-entropy the model is better than an even answer; each class counts alike."""
    better_shuffles: int
    """How many of the shuffled networks answer as well as the model, or better."""
    shuffles: int

    @property
    def maps_change(self) -> bool | None:
        """Whether maps of destroyed weights are no more alike than maps that have nothing to do with them."""
        destroyed = self.similarity[_ALL]
        if destroyed is None:
            return None
        known = [value for value in (self.other_images, self.between_shuffles) if value is not None]
        return destroyed < max([_NO_LIKENESS, *known])

    @property
    def knows(self) -> bool:
        """Whether the model answers better than an even answer and than each of the shuffled networks."""
        return self.gain > _LEAST_GAIN and self.better_shuffles == 0


def randomisation_check(classifier: Classifier, sample: Sample, *, min_cells: int, seed: int) -> Sanity:
    """Compare maps and answers of a model with those of the same model with shuffled weights.

    Args:
        classifier: in evaluation mode; it is not changed.
        sample: what it is shown.
        min_cells: as for `grad_cam`.
        seed: of the shuffling.
    """
    trained = _ranks(_maps(classifier, sample, min_cells))
    steps = {
        step: _ranks(_maps(_shuffled(classifier, fraction, seed), sample, min_cells))
        for step, fraction in _FRACTIONS.items()
    }
    shuffled, misfits = [], []
    for number in range(_SHUFFLES):
        network = _shuffled(classifier, 1.0, seed + number)
        shuffled.append(_ranks(_maps(network, sample, min_cells)))
        misfits.append(_misfit(network, sample))
    own, classes = _misfit(classifier, sample), len(torch.unique(sample.labels))
    return Sanity(
        similarity={step: _mean([_likeness(trained, ranks)]) for step, ranks in steps.items()}
        | {_ALL: _mean([_likeness(trained, ranks) for ranks in shuffled])},
        other_images=_mean([_likeness(trained, np.roll(trained, 1, axis=0))]),
        between_shuffles=_mean([_likeness(one, other) for one, other in pairwise(shuffled)]),
        gain=1 - own / math.log(classes),
        better_shuffles=sum(misfit <= own for misfit in misfits),
        shuffles=_SHUFFLES,
    )


def _maps(classifier: Classifier, sample: Sample, min_cells: int) -> Tensor:
    return grad_cam(classifier, sample.images, sample.classes, min_cells)


def _shuffled(classifier: Classifier, fraction: float, seed: int) -> Classifier:
    """A copy whose head and last layer groups have the values of each tensor in random order."""
    copied = copy.deepcopy(classifier)
    groups = layer_groups(copied.backbone)
    last = groups[len(groups) - round(fraction * len(groups)) :]
    names = {f"backbone.{name}" for group in last for name in group}
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in copied.named_parameters():
            if name in names or name.startswith("head."):
                order = torch.randperm(parameter.numel(), generator=generator)
                parameter.copy_(parameter.flatten()[order].view_as(parameter))
    return copied


def _misfit(classifier: Classifier, sample: Sample) -> float:
    """Cross-entropy of the answers with each class counted alike; at least as if they were softer."""
    with torch.no_grad():
        logits = classifier(sample.images)
    counts = torch.bincount(sample.labels, minlength=logits.shape[1])
    weights = torch.where(counts > 0, 1.0 / counts.clamp(min=1), 0.0)
    losses = [
        float(torch.nn.functional.cross_entropy(logits / softer, sample.labels, weights))
        for softer in _SOFTER
    ]
    return min([loss for loss in losses if np.isfinite(loss)], default=float("inf"))


def _ranks(maps: Tensor) -> NDArray[np.float64]:
    """(N, cells), each row centred and of length 1; NaN where a map is constant."""
    ranks = rankdata(maps.flatten(1).numpy(), axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    length = np.linalg.norm(ranks, axis=1, keepdims=True)
    scaled: NDArray[np.float64] = np.divide(ranks, length, where=length > 0, out=np.full_like(ranks, np.nan))
    return scaled


def _likeness(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,): Spearman's correlation of each pair of maps."""
    found: NDArray[np.float64] = (first * second).sum(axis=1)
    return found


def _mean(parts: list[NDArray[np.float64]]) -> float | None:
    values = np.concatenate(parts)
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else None
