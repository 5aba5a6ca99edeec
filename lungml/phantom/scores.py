"""Who marks a nodule and how they score it: up to four readers, each latent + own noise, cut into 1 to 5.

Noise and cuts are set so that the cohort is like LIDC-IDRI: consensus classes (mean, half up) of about
10/19/46/18/6 %, leave-one-reader-out quadratic weighted kappa of about 0.6, and 1/2/3/4 readers for about
22/20/21/37 % of nodules (Wang et al. 2015 count 29/18/18/34 %).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lungml.phantom.attributes import Attributes, Calcification, Texture

READERS = 4

_NOISE_SD = 0.84
_CUTS = (-1.21, -0.71, 1.06, 1.72)

_READER_SHARES = (0.22, 0.20, 0.21, 0.37)

_CALCIFICATION_SCORE = {
    Calcification.POPCORN: 1,
    Calcification.DIFFUSE: 3,
    Calcification.CENTRAL: 5,
    Calcification.NONE: 6,
}
_TEXTURE_SCORE = {Texture.GROUND_GLASS: 1, Texture.PART_SOLID: 3, Texture.SOLID: 5}


@dataclass(frozen=True)
class Rating:
    """One reader's opinion of one nodule: LIDC's nine characteristics, in the order of its XML."""

    reader: int
    subtlety: int
    internal_structure: int
    calcification: int
    sphericity: int
    margin: int
    lobulation: int
    spiculation: int
    texture: int
    malignancy: int


def draw_ratings(rng: np.random.Generator, attributes: Attributes, latent: float) -> tuple[Rating, ...]:
    """Draw one to four ratings of a nodule, sorted by reader (0 to 3)."""
    noise = _NOISE_SD * rng.standard_normal(READERS)
    count = int(rng.choice(READERS, p=_READER_SHARES)) + 1
    seen_by = np.sort(rng.permutation(READERS)[:count])
    slips = rng.choice((-1, 0, 1), size=(READERS, 8), p=(0.15, 0.70, 0.15))
    return tuple(
        _rating(int(reader), attributes, malignancy_score(latent + noise[reader]), slips[reader])
        for reader in seen_by
    )


def malignancy_score(perceived: float) -> int:
    """The score 1 to 5 for how malignant a nodule looks to a reader."""
    return 1 + int(np.searchsorted(_CUTS, perceived))


def consensus_class(scores: Sequence[int]) -> int:
    """The readers' class 1 to 5: the mean, rounded half up."""
    return int(np.clip(np.floor(np.mean(scores) + 0.5), 1, 5))


def _rating(reader: int, seen: Attributes, malignancy: int, slips: np.ndarray) -> Rating:
    return Rating(
        reader=reader,
        subtlety=_five(
            1.6 + 0.25 * seen.diameter_mm - 1.5 * (seen.texture is Texture.GROUND_GLASS) + slips[0]
        ),
        internal_structure=1,
        calcification=_CALCIFICATION_SCORE[seen.calcification],
        sphericity=_five(5.3 - 3 * (seen.elongation - 1) - 1.2 * seen.lobulation + slips[1]),
        margin=_five(1 + 4 * seen.sharpness + slips[2]),
        lobulation=_five(1 + 4 * seen.lobulation + slips[3]),
        spiculation=_five(1 + 4 * seen.spiculation + slips[4]),
        texture=_five(_TEXTURE_SCORE[seen.texture] + slips[5]),
        malignancy=malignancy,
    )


def _five(value: float) -> int:
    return int(np.clip(np.rint(value), 1, 5))
