"""A model of folds whose members' answers are written, not trained."""

from pathlib import Path

import numpy as np
from training_examples import write_split

from lungml.bundle import Bundle
from lungml.evaluation.answers import labelled
from lungml.members.plan import Job, divide
from lungml.members.training import left_out_table
from lungml.params.data import LabelParams, ViewsParams
from lungml.params.model import WeightsParams
from lungml.params.task import FinetuneParams
from lungml.tables import PREDICTIONS, SPLIT, read_table, write_table
from lungml.terms import Target, Task


def make_job(tmp_path):
    """Two repeats of two variants in three folds, and then the refit of each; nothing is trained."""
    blank = Bundle((), Task.NODULE_BINARY, 1, ViewsParams(), LabelParams(), {}, {}, {})
    finetune = FinetuneParams(fit="refit", repeats=2)
    variants = {"a": None, "b": None}
    return Job(
        blank, variants, finetune, WeightsParams(), 3, Path(), write_split(tmp_path), tmp_path / "work", "f"
    )


def write_answers(job, answers):
    """Write what each member said of its fold: `answers` makes malignant probabilities of rows and plan."""
    split = read_table(job.split, SPLIT)
    for plan in job.plans():
        if plan.fold is not None:
            rows = labelled(divide(split, plan, job).judged, Target.BINARY)
            malignant = np.asarray(answers(rows, plan))
            both = list(np.stack([1 - malignant, malignant], axis=1))
            table = rows.assign(probabilities=both, probabilities_tta=both)
            write_table(left_out_table(job, plan), table, PREDICTIONS)
