"""The tables as they are checked: one row per thing, with what the checks are about computed as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lungml.labels import LEFT_OUT, labels_of
from lungml.params.data import LabelParams
from lungml.tables import NODULES, READINGS, SERIES, read_table
from lungml.terms import Target

_SCALES = {
    **dict.fromkeys(
        (
            "malignancy",
            "subtlety",
            "sphericity",
            "margin",
            "lobulation",
            "spiculation",
            "texture",
        ),
        5,
    ),
    "calcification": 6,
    "internal_structure": 4,
}
"""Highest value of each rating; 0 is not given (LIDC-IDRI, Armato et al. 2011, doi:10.1118/1.3528204)."""


@dataclass(frozen=True)
class IndexTables:
    """What the index stage wrote."""

    series: pd.DataFrame
    readings: pd.DataFrame
    nodules: pd.DataFrame


def read_index(folder: Path) -> IndexTables:
    """Read the tables that are checked.

    Raises:
        MissingInputError: one is not there.
        InputError: one has other columns or types.
    """
    return IndexTables(
        *(read_table(folder / f"{table.name}.parquet", table) for table in (SERIES, READINGS, NODULES))
    )


def build_frames(
    tables: IndexTables, labels: LabelParams, targets: Sequence[Target] = tuple(Target)
) -> dict[str, pd.DataFrame]:
    """The frame of each suite, by the suite's name; classes of `targets` alone are counted."""
    return {
        "series": _series(tables),
        "readings": _readings(tables),
        "nodules": _nodules(tables),
        "labels": _labels(tables.nodules, labels, targets),
        "patients": _patients(tables),
    }


def _series(tables: IndexTables) -> pd.DataFrame:
    needed = [
        "spacing_z_mm",
        "spacing_y_mm",
        "spacing_x_mm",
        "hu_min",
        "hu_max",
        "tissue_mode_hu",
    ]
    return tables.series.assign(
        missing=_missing(tables.series, needed),
        pixels_in_series=tables.series.groupby("pixels_sha256")["series_uid"].transform("size"),
    )


def _readings(tables: IndexTables) -> pd.DataFrame:
    readings, patients = tables.readings, _patient_of(tables.series)
    is_nodule = readings["kind"] == "nodule"
    known = readings["nodule_id"].isin(tables.nodules["nodule_id"])
    series = tables.nodules.set_index("nodule_id")["series_uid"]
    series = series[~series.index.duplicated()]
    same_series = readings["nodule_id"].map(series) == readings["series_uid"]
    return readings.assign(
        off_scale=_names_where({name: ~readings[name].between(0, top) for name, top in _SCALES.items()}),
        series_known=readings["series_uid"].isin(tables.series["series_uid"]),
        patient_matches=readings["series_uid"].map(patients) == readings["patient_id"],
        nodule_fits=np.where(is_nodule, known & same_series, readings["nodule_id"] == ""),
        diameter_of_nodule_mm=readings["diameter_mm"].where(is_nodule),
        malignancy_given=~is_nodule | (readings["malignancy"] > 0),
    )


def _nodules(tables: IndexTables) -> pd.DataFrame:
    nodules, patients = tables.nodules, _patient_of(tables.series)
    return nodules.assign(
        missing=_missing(nodules, ["diameter_mm", "volume_mm3", "z_index", "y_index", "x_index"]),
        n_scores=[len(scores) for scores in nodules["scores"]],
        lowest_score=[min(scores, default=np.nan) for scores in nodules["scores"]],
        highest_score=[max(scores, default=np.nan) for scores in nodules["scores"]],
        series_known=nodules["series_uid"].isin(tables.series["series_uid"]),
        patient_matches=nodules["series_uid"].map(patients) == nodules["patient_id"],
        inside_volume=_inside_volume(nodules, tables.series),
    )


def _labels(nodules: pd.DataFrame, params: LabelParams, targets: Sequence[Target]) -> pd.DataFrame:
    """One row per class of each target: nodules, patients, and share of the target's labelled nodules."""
    labels = labels_of(nodules, params)
    rows = []
    for target in targets:
        given = labels[target.value].to_numpy()
        labelled = max(int((given != LEFT_OUT).sum()), 1)
        for index, name in enumerate(target.class_names):
            here = given == index
            rows.append(
                {
                    "class": f"{target}: {name}",
                    "nodules": int(here.sum()),
                    "patients": int(nodules.loc[here, "patient_id"].nunique()),
                    "share": float(here.sum() / labelled),
                }
            )
    return pd.DataFrame(rows)


def _patients(tables: IndexTables) -> pd.DataFrame:
    """One row per patient, named by the first of the patient's series: PatientIDs stay out of results."""
    grouped = tables.series.groupby("patient_id", sort=True, dropna=False)
    frame = grouped.agg(
        first_series_uid=("series_uid", "min"),
        n_series=("series_uid", "size"),
        n_sexes=("sex", lambda sexes: sexes[sexes != ""].nunique()),
    )
    counts = tables.nodules["patient_id"].value_counts()
    frame["n_nodules"] = counts.reindex(frame.index, fill_value=0).to_numpy()
    frame["named"] = frame.index.fillna("").str.strip() != ""
    return frame.reset_index(drop=True)


def _patient_of(series: pd.DataFrame) -> pd.Series:
    return series.drop_duplicates("series_uid").set_index("series_uid")["patient_id"]


def _inside_volume(nodules: pd.DataFrame, series: pd.DataFrame) -> pd.Series:
    """Whether the centre and the largest plane lie in the series; True where the series is not known."""
    sizes = series.drop_duplicates("series_uid").set_index("series_uid")
    inside = pd.Series(True, index=nodules.index)
    for column, size in (
        ("z_index", "n_slices"),
        ("y_index", "rows"),
        ("x_index", "columns"),
        ("largest_z_index", "n_slices"),
    ):
        last = nodules["series_uid"].map(sizes[size]).astype(float) - 0.5
        inside &= nodules[column].ge(-0.5) & ~nodules[column].gt(last)
    return inside


def _missing(frame: pd.DataFrame, columns: list[str]) -> pd.Series:
    return _names_where({name: frame[name].isna() for name in columns})


def _names_where(conditions: dict[str, pd.Series]) -> pd.Series:
    """Names of the conditions that hold in each row, with commas between; '' if none does."""
    table = pd.DataFrame(conditions)
    return pd.Series(
        [", ".join(table.columns[row]) for row in table.to_numpy(dtype=bool)],
        index=table.index,
        dtype="object",
    )
