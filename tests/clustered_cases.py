"""Cases of patients with one to nine nodules that are alike, with known truth about the model."""

from __future__ import annotations

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from lungml.evaluation.suspicion import Suspicion
from lungml.evaluation.tally import Cases

PREVALENCE, DISTANCE = 0.3, 1.6
"""Share of malignant cases; how far apart the mean scores of malignant and benign ones are, in deviations."""


def draw_patients(rng, patients: int, *, first: int = 0) -> np.ndarray:
    """Patient ids of the nodules: 1 to 9 of each patient."""
    counts = 1 + np.minimum(rng.poisson(1.3, patients), 8)
    return np.repeat([f"p{first + number:05}" for number in range(patients)], counts)


def draw_alike(rng, patient_ids: np.ndarray) -> np.ndarray:
    """Standard normal values; half of the variance is that of the patients."""
    _, patients = np.unique(patient_ids, return_inverse=True)
    shared = rng.normal(size=patients.max() + 1)[patients]
    return np.sqrt(0.5) * (shared + rng.normal(size=len(patients)))


def draw_suspicion(rng, patients: int, *, first: int = 0) -> Suspicion:
    """Calibrated scores: labels by chance, one latent value each, the score by Bayes."""
    ids = draw_patients(rng, patients, first=first)
    malignant = draw_alike(rng, ids) > norm.ppf(1 - PREVALENCE)
    latent = DISTANCE * malignant + draw_alike(rng, ids)
    return Suspicion(malignant, score_of(latent), ids)


def score_of(latent: np.ndarray) -> np.ndarray:
    """Probability of malignant, given the latent value."""
    odds = np.log(PREVALENCE / (1 - PREVALENCE)) + DISTANCE * latent - DISTANCE**2 / 2
    return expit(odds)


def latent_of(score: float) -> float:
    """The other way round."""
    odds = np.log(score / (1 - score)) - np.log(PREVALENCE / (1 - PREVALENCE))
    return float((odds + DISTANCE**2 / 2) / DISTANCE)


def cases_of(suspicion: Suspicion) -> Cases:
    """The same as two classes."""
    score = suspicion.score
    return Cases(suspicion.malignant.astype(np.int64), np.stack([1 - score, score], axis=1))
