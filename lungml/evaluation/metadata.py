# mypy: disable-error-code="no-any-return"
"""What a file says of a nodule beside its pixels: it should not tell the label."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from lungml.evaluation.ranking import FloatArray

NAMES = ("manufacturer", "model", "kernel")
"""Columns of table SERIES that are words."""


def metadata_features(nodules: pd.DataFrame) -> FloatArray:
    """Turn the file's metadata into numbers.

    Args:
        nodules: N rows with `NAMES`, `slice_thickness_mm` and `nodule_id`.

    Returns:
        (N, D): one column for each value of each of `NAMES`, the slice thickness (NaN where it is unknown),
        whether it is known, and the row: the place of the nodule in order of its identifier, 0 to 1.
    """
    words = [pd.get_dummies(nodules[name].astype(str)).to_numpy(dtype=np.float64) for name in NAMES]
    thickness_mm = nodules["slice_thickness_mm"].to_numpy(dtype=np.float64)
    names = nodules["nodule_id"].tolist()
    rows = np.argsort(sorted(range(len(names)), key=lambda place: _natural(names[place]))) / len(names)
    return np.column_stack([*words, thickness_mm, np.isfinite(thickness_mm), rows])


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """Sort key by which n10 comes after n9, as in the list that they were numbered from."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name))
