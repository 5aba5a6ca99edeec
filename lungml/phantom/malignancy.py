"""The rule that makes a phantom nodule look malignant to its readers, and the control cohorts' rules.

The rule is a sum over attributes, with the signs of the PanCan model (McWilliams et al. 2013,
doi:10.1056/NEJMoa1214726: size, spiculation and part-solid texture raise the risk, pure ground glass lowers
it) plus lobulation, and benign calcification lowering it:

    suspicion = 0.45 ln(d / 8 mm) / 0.5 + 1.35 spiculation + 0.65 lobulation
                + 0.80 [part-solid] - 0.70 [ground-glass] - 1.50 [calcified]

`latent` is suspicion standardised to mean 0 and deviation 1 over nodules. Readers see latent plus noise.
"""

from __future__ import annotations

import numpy as np

from lungml.params.data import Cohort
from lungml.phantom.attributes import (
    LOG_DIAMETER_SD,
    MEDIAN_DIAMETER_MM,
    Attributes,
    Calcification,
    Texture,
)
from lungml.phantom.seeds import generator

_SIZE, _SPICULATION, _LOBULATION, _CALCIFIED = 0.45, 1.35, 0.65, -1.50
_TEXTURE = {Texture.SOLID: 0.0, Texture.PART_SOLID: 0.80, Texture.GROUND_GLASS: -0.70}

_SIZE_MEAN, _SIZE_SD = 0.012, 0.424
_REST_MEAN, _REST_SD = 0.346, 0.921
_SUSPICION_SD = 1.015
"""Of the two parts of the rule and of their sum, over 20,000 drawn nodules."""

_SHORTCUT = 0.85
"""Share of the deviation of `latent` that the scanner decides in the scanner-shortcut cohort."""

Rule = tuple[float, float]


def size_part(attributes: Attributes) -> float:
    """What the diameter adds to suspicion."""
    return float(_SIZE * np.log(attributes.diameter_mm / MEDIAN_DIAMETER_MM) / LOG_DIAMETER_SD)


def other_part(attributes: Attributes) -> float:
    """What all the other attributes add to suspicion."""
    return (
        _SPICULATION * attributes.spiculation
        + _LOBULATION * attributes.lobulation
        + _TEXTURE[attributes.texture]
        + (_CALCIFIED if attributes.calcification is not Calcification.NONE else 0.0)
    )


def latent(
    attributes: Attributes, cohort: Cohort, *, seed: int, patient: int, nodule: int, scanner_bias: float
) -> float:
    """How malignant a nodule looks in this cohort: mean 0, deviation 1 over nodules.

    Args:
        attributes: the nodule; its image is the same in every cohort of this seed.
        cohort: which rule holds.
        seed: of the cohort.
        patient: number of the patient.
        nodule: number of the nodule in the patient.
        scanner_bias: of the patient's scanner style: mean 0, deviation 1 over patients.
    """
    size = (size_part(attributes) - _SIZE_MEAN) / _SIZE_SD
    other = (other_part(attributes) - _REST_MEAN) / _REST_SD
    rule = (size_part(attributes) + other_part(attributes) - _SIZE_MEAN - _REST_MEAN) / _SUSPICION_SD
    values = {
        "default": rule,
        "size-only": size,
        "texture-only": other,
        "no-signal": _normal(seed, patient, nodule),
        "patient-fingerprint": _normal(seed, patient),
        "scanner-shortcut": _SHORTCUT * scanner_bias + np.sqrt(1 - _SHORTCUT**2) * rule,
    }
    return float(values[cohort])


def _normal(seed: int, *words: int) -> float:
    return float(generator(seed, "label", *words).standard_normal())
