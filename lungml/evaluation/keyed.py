"""A model's answers on the test part, with checksums in place of ids: what two runs are compared by.

Ids stay where the data are. A checksum tells nodules and patients apart and names none; who has the ids can
find them again, so the file is pseudonymous, not anonymous. Equal ids have equal checksums in every run, so
runs are compared nodule by nodule wherever their answers are kept.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungml.errors import InputError, MissingInputError
from lungml.evaluation.tally import Cases, check_cases
from lungml.files import atomic_file
from lungml.terms import Part

FILE = "test_answers.csv"
"""Its name in the folder of an evaluation."""
_KEY_LENGTH = 16
_HEAD = ("nodule", "patient", "label")


@dataclass(frozen=True, eq=False)
class KeyedAnswers:
    """N test nodules in the order of their checksums, and what a model says of them."""

    nodules: NDArray[np.str_]
    """(N,), all different."""
    patients: NDArray[np.str_]
    """(N,)."""
    cases: Cases


def keyed(predicted: pd.DataFrame) -> KeyedAnswers:
    """The test rows of table PREDICTIONS, by the probabilities without test-time views."""
    rows = predicted[predicted["part"] == Part.TEST]
    return _ordered(
        _keys(rows["nodule_id"]),
        _keys(rows["patient_id"]),
        check_cases(rows["label"], np.stack(rows["probabilities"].to_list())),
    )


def write_answers(path: Path, answers: KeyedAnswers) -> None:
    """Write them as CSV: nodule, patient, label, p1 to pK; every digit is kept."""
    cases = answers.cases
    with atomic_file(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*_HEAD, *(f"p{number}" for number in range(1, cases.classes + 1))])
        columns = answers.nodules, answers.patients, cases.labels, cases.probabilities
        for nodule, patient, label, shares in zip(*columns, strict=True):
            writer.writerow([nodule, patient, int(label), *(repr(float(share)) for share in shares)])


def read_answers(path: Path) -> KeyedAnswers:
    """Read what `write_answers` wrote.

    Raises:
        MissingInputError: there is no such file.
        InputError: it is not such a file.
    """
    if not path.is_file():
        raise MissingInputError(
            f"{path} is not there; an evaluation of this version of lungml writes it (`dvc repro evaluate`)"
        )
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            head, *rows = list(csv.reader(stream))
        if tuple(head[:3]) != _HEAD or not rows or any(len(row) != len(head) for row in rows):
            raise ValueError("columns differ")
        shares = np.array([[float(share) for share in row[3:]] for row in rows])
        cases = check_cases(np.array([int(row[2]) for row in rows]), shares)
    except ValueError as error:
        raise InputError(f"{path} holds no answers of a model ({error}); run `dvc repro evaluate`") from error
    return _ordered(np.array([row[0] for row in rows]), np.array([row[1] for row in rows]), cases)


def _ordered(nodules: NDArray[np.str_], patients: NDArray[np.str_], cases: Cases) -> KeyedAnswers:
    order = np.argsort(nodules, kind="stable")
    return KeyedAnswers(
        nodules[order], patients[order], Cases(cases.labels[order], cases.probabilities[order])
    )


def _keys(ids: Iterable[str]) -> NDArray[np.str_]:
    return np.array([hashlib.sha256(str(each).encode()).hexdigest()[:_KEY_LENGTH] for each in ids])
