"""What the questions of trust are answered with: a model's answers, and facts about the nodules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from lungml.diagnoses import parse_diagnoses
from lungml.errors import MissingInputError
from lungml.evaluation.conformal import IDS
from lungml.evaluation.suspicion import Suspicion, suspicion_of
from lungml.evaluation.tally import Cases, check_cases
from lungml.params.data import LabelParams
from lungml.tables import NODULES, READINGS, SERIES, read_table
from lungml.terms import Part, Task

FACTS = ("manufacturer", "kernel", "slice_thickness_mm", "sex", "age_years")
"""Columns of table SERIES that subgroups are made of."""


@dataclass(frozen=True)
class Answers:
    """A model's answers, and who the nodules are of: rows of table PREDICTIONS."""

    rows: pd.DataFrame

    @cached_property
    def cases(self) -> Cases:
        """By the probabilities without test-time views."""
        return check_cases(self.rows["label"], np.stack(self.rows["probabilities"].to_list()))

    @property
    def patient_ids(self) -> IDS:
        """(N,)."""
        return np.asarray(self.rows["patient_id"].to_numpy())

    @property
    def suspicion(self) -> Suspicion:
        """Malignant or not."""
        return suspicion_of(self.cases, self.patient_ids)


@dataclass(frozen=True)
class Evidence:
    """What is known of a model and of the nodules it is judged on."""

    task: Task
    labels: LabelParams
    known: Answers
    """What may be fitted on: nodules the model did not learn from, none of test."""
    test: Answers
    nodules: pd.DataFrame
    """Rows of table NODULES with `FACTS`, one per test nodule and in the order of `test`."""
    readings: pd.DataFrame
    """Table READINGS."""
    diagnoses: pd.DataFrame
    """From `parse_diagnoses`; empty if none are given."""


def gather_evidence(
    predicted: pd.DataFrame, index: Path, diagnoses: Path, *, task: Task, labels: LabelParams
) -> Evidence:
    """Join answers (table PREDICTIONS) to what folder `index` and a table of diagnoses say.

    Rows of test are judged; all others are what may be fitted on.
    """
    ordered = predicted.sort_values("nodule_id", ignore_index=True)
    of_test = ordered["part"] == Part.TEST
    test = ordered[of_test].reset_index(drop=True)
    series = read_table(index / "series.parquet", SERIES)[["series_uid", *FACTS]]
    nodules = read_table(index / "nodules.parquet", NODULES).merge(series, on="series_uid", validate="m:1")
    return Evidence(
        task=task,
        labels=labels,
        known=Answers(ordered[~of_test].reset_index(drop=True)),
        test=Answers(test),
        nodules=test[["nodule_id"]].merge(nodules, on="nodule_id", validate="1:1"),
        readings=read_table(index / "readings.parquet", READINGS),
        diagnoses=_read_diagnoses(diagnoses),
    )


def _read_diagnoses(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise MissingInputError(f"{path} is not there; run the stage that writes it (`dvc repro acquire`)")
    return parse_diagnoses(path.read_text(encoding="utf-8"))
