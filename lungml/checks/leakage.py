"""The gate against leakage between parts: what must hold of a split before anything is trained on it."""

from __future__ import annotations

import pandas as pd

from lungml.errors import InputError

_SHOWN = 5


def check_split(split: pd.DataFrame, series: pd.DataFrame) -> None:
    """Refuse a split that lets a model see in training what it is judged on.

    Args:
        split: columns nodule_id, patient_id, part, series_uid.
        series: columns series_uid, pixels_sha256.

    Raises:
        InputError: LM-V001, a patient is in two parts; LM-V002, the same image is in two parts.
    """
    shared = _in_several_parts(split, "patient_id")
    if len(shared):
        nodules = split.loc[split["patient_id"].isin(shared), "nodule_id"]
        raise InputError(
            f"LM-V001: {len(shared)} patient(s) are in more than one part, with nodules {_some(nodules)}. "
            "A split is by patient; write it anew with `dvc repro split`"
        )
    images = split.merge(series[["series_uid", "pixels_sha256"]], on="series_uid", validate="m:1")
    copies = _in_several_parts(images, "pixels_sha256")
    if len(copies):
        twins = images.loc[images["pixels_sha256"].isin(copies), "series_uid"]
        raise InputError(
            f"LM-V002: {len(copies)} image(s) are in more than one part under different patients, as series "
            f"{_some(twins)}. Correct the PatientID of copies, or leave copies out with ct.skip_series in "
            "params.yaml"
        )


def _in_several_parts(table: pd.DataFrame, column: str) -> pd.Index:
    parts = table.groupby(column)["part"].nunique()
    return parts.index[parts > 1]


def _some(values: pd.Series) -> str:
    unique = sorted(values.unique())
    more = f" and {len(unique) - _SHOWN} more" if len(unique) > _SHOWN else ""
    return ", ".join(unique[:_SHOWN]) + more
