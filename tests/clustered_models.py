"""Patients of several nodules, and models that know something of them: for simulations."""

import numpy as np
from scipy.stats import norm

from lungml.evaluation.tally import Cases

SHARES = {2: (0.7, 0.3), 5: (0.1, 0.19, 0.46, 0.18, 0.07)}


def draw_clustered(rng, patients: int, *, classes: int, models: int = 1) -> tuple[np.ndarray, list[Cases]]:
    """Patients of 1 to 9 nodules that share half of the variance of malignancy and of a model's errors."""
    ids = np.repeat(np.arange(patients), 1 + np.minimum(rng.poisson(1.3, patients), 8))
    malignancy = np.sqrt(0.5) * (rng.normal(size=patients)[ids] + rng.normal(size=len(ids)))
    cuts = norm.ppf(np.cumsum(SHARES[classes])[:-1])
    labels = np.searchsorted(cuts, malignancy)
    edges = np.r_[-np.inf, 1.2 * cuts, np.inf]
    judged = []
    for _ in range(models):
        score = malignancy + 0.6 * (rng.normal(size=patients)[ids] + rng.normal(size=len(ids)))
        judged.append(Cases(labels, np.diff(norm.cdf((edges - score[:, None]) / 0.85), axis=1)))
    return ids, judged
