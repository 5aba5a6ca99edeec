"""What a cohort's nodules and scores look like as arrays, for tests about its statistics."""

from dataclasses import dataclass

import numpy as np
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from lungml.phantom.malignancy import other_part, size_part
from lungml.phantom.scores import consensus_class


@dataclass(frozen=True)
class NoduleArrays:
    """One entry per nodule."""

    patient: np.ndarray
    diameter: np.ndarray
    other: np.ndarray
    latent: np.ndarray
    five: np.ndarray
    scanner_bias: np.ndarray

    @property
    def malignant(self):
        return self.five >= 4

    def auc(self, values):
        return roc_auc_score(self.malignant, values)


def arrays_of(patients):
    pairs = [(patient, finding) for patient in patients for finding in patient.findings]
    return NoduleArrays(
        patient=np.array([patient.number for patient, _ in pairs]),
        diameter=np.array([size_part(finding.attributes) for _, finding in pairs]),
        other=np.array([other_part(finding.attributes) for _, finding in pairs]),
        latent=np.array([finding.latent for _, finding in pairs]),
        five=np.array([consensus_class(scores_of(finding)) for _, finding in pairs]),
        scanner_bias=np.array([patient.style.bias for patient, _ in pairs]),
    )


def scores_of(finding):
    return [rating.malignancy for rating in finding.ratings]


def reader_agreement(patients):
    """Leave-one-reader-out quadratic weighted kappa: each score against the rounded mean of the others."""
    own, others = [], []
    for patient in patients:
        for finding in patient.findings:
            scores = scores_of(finding)
            for place in range(len(scores) if len(scores) > 1 else 0):
                own.append(scores[place])
                others.append(consensus_class(scores[:place] + scores[place + 1 :]))
    return cohen_kappa_score(own, others, weights="quadratic")
