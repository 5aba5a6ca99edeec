"""Runs whose answers are the truth plus noise, as they are read to be compared."""

import numpy as np
from clustered_models import draw_clustered

from lungml.evaluation.keyed import KeyedAnswers
from lungml.evaluation.pairing import Drawing
from lungml.evaluation.tally import Cases
from lungml.report.compare.sides import Side
from lungml.terms import Task

DRAWING = Drawing(0.95, 200, 0)
NAMES = ("before", "after")


def side(task=Task.NODULE_BINARY, *, share=0.0, bundle="a", policy="mean (0123456789ab)", params=None):
    """Answers nearer to the truth by `share`."""
    classes = len(task.target.class_names)
    ids, (cases,) = draw_clustered(np.random.default_rng(0), 50, classes=classes)
    truth = np.eye(classes)[cases.labels]
    nodules = np.array([f"n{number:03}" for number in range(len(ids))])
    patients = np.array([f"p{each:03}" for each in ids])
    shares = (1 - share) * cases.probabilities + share * truth
    answers = KeyedAnswers(nodules, patients, Cases(cases.labels, shares))
    lineage = {"bundle_sha256": bundle * 64, "data_sha256": "d" * 64, "git_commit": bundle * 40}
    return Side(task, answers, policy, params or {"finetune.epochs": "20"}, lineage)
