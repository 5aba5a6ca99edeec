"""Give every nodule a label and a part, patient by patient, once the data contract holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lungml.checks.leakage import check_split
from lungml.checks.result import require_success
from lungml.errors import MissingInputError
from lungml.exclusions import EXCLUDED, exclude, parse_exclusions, record_of
from lungml.files import write_json
from lungml.labels import LEFT_OUT, labels_of
from lungml.params.data import LabelParams, SplitParams
from lungml.params.scope import ScopeParams
from lungml.progress import say
from lungml.splits import assign_folds, assign_parts, thirds
from lungml.tables import NODULES, SERIES, SPLIT, read_table, write_table
from lungml.terms import Part, Target


def run(
    split: SplitParams,
    labels: LabelParams,
    scope: ScopeParams,
    *,
    index: Path,
    checked: Path,
    exclusions: Path,
    out: Path,
    excluded: Path,
) -> None:
    """Write table SPLIT: parts and folds balanced in the targets in scope and in size.

    Nodules that the reviewed list `exclusions` names are taken out of their part afterwards; which, and why,
    is written to `excluded`.

    Raises:
        ChecksFailedError: the data contract does not hold.
        InputError: the cohort is too small to be divided, a patient or image would be in two parts, or the
            list of exclusions cannot be followed.
    """
    require_success(checked, index, labels)
    nodules = read_table(index / "nodules.parquet", NODULES)
    series = read_table(index / "series.parquet", SERIES)
    table = _divided(nodules, split, labels_of(nodules, labels), scope.targets)
    listed = parse_exclusions(_text(exclusions))
    remaining = exclude(table, listed)
    kept = remaining.assign(series_uid=nodules["series_uid"])
    check_split(kept[kept["part"] != EXCLUDED], series)
    write_json(excluded, record_of(table, listed))
    write_table(out, remaining, SPLIT)
    for part in Part:
        say(f"  {part}: {_summary(remaining[remaining['part'] == part])}")
    say(f"  {EXCLUDED}: {len(listed)} nodules, listed in {exclusions}")


def _text(exclusions: Path) -> str:
    if not exclusions.is_file():
        raise MissingInputError(
            f"{exclusions} is not there; make it with the one line nodule_id,reason,reviewer,date "
            "(docs/outliers.md)"
        )
    return exclusions.read_text(encoding="utf-8", errors="replace")


def _divided(
    nodules: pd.DataFrame, split: SplitParams, labels: pd.DataFrame, targets: Sequence[Target]
) -> pd.DataFrame:
    patients = nodules["patient_id"].to_numpy()
    table = labels.assign(patient_id=patients)
    classes = table[[target.value for target in targets]]
    sizes = pd.DataFrame({"size": thirds(nodules["diameter_mm"].to_numpy())})
    table["part"] = assign_parts(patients, classes, split, balanced=sizes)
    rest = (table["part"] != Part.TEST).to_numpy()
    folds = np.full(len(table), -1, dtype=np.int8)
    folds[rest] = assign_folds(patients[rest], classes[rest], folds=split.folds, seed=split.seed)
    return table.assign(fold=folds)


def _summary(part: pd.DataFrame) -> str:
    labelled = part.loc[part["binary"] != LEFT_OUT, "binary"]
    return (
        f"{part['patient_id'].nunique()} patients, {len(part)} nodules, "
        f"{labelled.mean():.1%} of {len(labelled)} malignant"
    )
