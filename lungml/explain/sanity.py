"""Weight randomisation: a map that stays the same when the weights are destroyed does not show the model.

The weights are destroyed step by step from the output to the input. A map worth showing becomes unlike the
trained model's; the yardstick is how alike the trained model's maps of different images are.

Source: Adebayo et al. 2018, arXiv 1810.03292.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor

from lungml.explain.gradcam import grad_cam
from lungml.models.classifier import Classifier
from lungml.models.freezing import layer_groups

_FRACTIONS = {"head": 0.0, "head and last half": 0.5, "all layers": 1.0}
"""Step -> share of the backbone's layer groups, from the output on, that is destroyed with the head."""


@dataclass(frozen=True)
class Sanity:
    """Mean rank correlation (-1 to 1) of maps; None where they are constant."""

    similarity: dict[str, float | None]
    """Step -> of each image's map with its map after that step."""
    other_images: float | None
    """Of each image's map with the next image's map, by the trained model."""

    @property
    def passed(self) -> bool | None:
        """Whether maps of destroyed weights are less alike than maps of different images."""
        destroyed = self.similarity["all layers"]
        if destroyed is None or self.other_images is None:
            return None
        return destroyed < self.other_images


def randomisation_check(
    classifier: Classifier, images: Tensor, classes: Tensor, *, min_cells: int, seed: int
) -> Sanity:
    """Compare the maps of a model with those of the same model with shuffled weights.

    Args:
        classifier: in evaluation mode; it is not changed.
        images: (N, C, H, W), normalised, N at least 2.
        classes: (N,), the class to explain in each image.
        min_cells: as for `grad_cam`.
        seed: of the shuffling.
    """
    trained = grad_cam(classifier, images, classes, min_cells)
    destroyed = {
        step: grad_cam(_shuffled(classifier, fraction, seed), images, classes, min_cells)
        for step, fraction in _FRACTIONS.items()
    }
    return Sanity(
        {step: _similarity(trained, maps) for step, maps in destroyed.items()},
        _similarity(trained, trained.roll(1, dims=0)),
    )


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


def _similarity(first: Tensor, second: Tensor) -> float | None:
    pairs = zip(_ranks(first), _ranks(second), strict=True)
    found = [float(np.corrcoef(one, other)[0, 1]) for one, other in pairs if one.std() and other.std()]
    return float(np.mean(found)) if found else None


def _ranks(maps: Tensor) -> NDArray[np.float64]:
    ranks: NDArray[np.float64] = rankdata(maps.flatten(1).numpy(), axis=1)
    return ranks
