"""ROAD: whether the answer hangs on what a map marks, more than on what a random map marks.

Pixels are taken away and filled in from their surroundings: what is marked most (the answer should fall) and
what is marked least (it should stay). pytorch-grad-cam does it; this is where it is imported.

Source: Rong et al. 2022, arXiv 2202.00449.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import stdtrit
from torch import Tensor

from lungml.explain.gradcam import enlarge, gather_evidence, plus_plus, random_cam
from lungml.explain.sanity import Sample
from lungml.models.classifier import Classifier

_KEPT_PERCENT = (50, 75, 90)
"""Of the pixels, when the others are taken away."""
_CONFIDENCE = 0.95
_FEWEST = 3


@dataclass(frozen=True)
class Road:
    """Mean ROAD scores (-1 to 1) of maps and of random maps, and their difference with its 95 % interval.

    A score is half the difference between the class's probability without the least and without the most
    marked pixels. None where fewer than three images have both maps.
    """

    n: int
    maps: float | None
    random: float | None
    difference: float | None
    low: float | None
    high: float | None

    @property
    def faithful(self) -> bool | None:
        """Whether the maps do better than random ones; None where the images are too few to tell."""
        if self.low is None or self.high is None or self.low <= 0 <= self.high:
            return None
        return self.low > 0


def road(classifier: Classifier, sample: Sample, *, min_cells: int, seed: int) -> Road:
    """Score the Grad-CAM++ maps of a sample beside maps of random channel weights.

    Args:
        classifier: in evaluation mode.
        sample: images of as many patients, since the interval takes images as the unit of chance.
        min_cells: as for `grad_cam`.
        seed: of the random maps and of the noise that pixels are filled in with.
    """
    found = gather_evidence(classifier, sample.images, sample.classes, min_cells)
    marked = plus_plus(found), random_cam(found, torch.Generator().manual_seed(seed))
    both = (marked[0].flatten(1).amax(dim=1) > 0) & (marked[1].flatten(1).amax(dim=1) > 0)
    if int(both.sum()) < _FEWEST:
        return Road(int(both.sum()), None, None, None, None, None)
    scores = [_scores(classifier, sample, maps, both, seed) for maps in marked]
    difference = scores[0] - scores[1]
    reach = float(
        stdtrit(len(difference) - 1, (1 + _CONFIDENCE) / 2)
        * difference.std(ddof=1)
        / np.sqrt(len(difference))
    )
    mean = float(difference.mean())
    return Road(
        n=len(difference),
        maps=float(scores[0].mean()),
        random=float(scores[1].mean()),
        difference=mean,
        low=mean - reach,
        high=mean + reach,
    )


def _scores(
    classifier: Classifier, sample: Sample, maps: Tensor, rows: Tensor, seed: int
) -> NDArray[np.float64]:
    """(n,): ROAD of the chosen rows."""
    from pytorch_grad_cam.metrics.road import ROADCombined

    images, classes = sample.images[rows], sample.classes[rows]
    height, width = images.shape[2:]
    targets = [partial(_probability, chosen) for chosen in classes.tolist()]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        found = ROADCombined(list(_KEPT_PERCENT))(
            images, enlarge(maps[rows], (height, width)).numpy(), targets, classifier
        )
    return np.asarray(found, np.float64)


def _probability(chosen: int, logits: Tensor) -> Tensor:
    return logits.softmax(dim=-1)[chosen]
