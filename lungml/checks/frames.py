"""The tables as they are checked: one row per thing, with what the checks are about computed as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lungml.labels import LEFT_OUT, labels_of
from lungml.params.data import LabelParams
from lungml.tables import CROPS, NODULES, READINGS, SERIES, read_table
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

_RAISED_AIR_HU = (-200.0, 200.0)
_BELOW_AIR_HU = -1500.0
_DENSE_HU = 700.0
_INFINITE = float("inf")
CROP_LIMITS = {
    "hu_p01": (-1100.0, _INFINITE),
    "hu_p05": (-_INFINITE, -300.0),
    "dense_fraction": (0.0, 0.2),
    "middle_hu": (-900.0, _INFINITE),
}
"""Of table CROPS: 1,899 of 1,902 crops of LIDC-IDRI are within all of them (docs/data.md)."""


@dataclass(frozen=True)
class IndexTables:
    """What the index stage wrote."""

    series: pd.DataFrame
    readings: pd.DataFrame
    nodules: pd.DataFrame
    crops: pd.DataFrame


def read_index(folder: Path) -> IndexTables:
    """Read the tables that are checked.

    Raises:
        MissingInputError: one is not there.
        InputError: one has other columns or types.
    """
    return IndexTables(
        *(read_table(folder / f"{table.name}.parquet", table) for table in (SERIES, READINGS, NODULES, CROPS))
    )


def describe(tables: IndexTables, labels: LabelParams) -> dict[str, Any]:
    """What the checked data are: counts, readers per nodule, forms of series, and the label policy."""
    readers = tables.nodules["n_readers"].value_counts().sort_index()
    forms = tables.series["form"].value_counts().sort_index()
    return {
        "series": {str(form): int(count) for form, count in forms.items()},
        "patients": int(tables.series["patient_id"].nunique()),
        "nodules": len(tables.nodules),
        "readings": len(tables.readings),
        "nodules_by_readers": {str(count): int(nodules) for count, nodules in readers.items()},
        "policy": labels.model_dump(mode="json"),
    }


def build_frames(
    tables: IndexTables, labels: LabelParams, targets: Sequence[Target] = tuple(Target)
) -> dict[str, pd.DataFrame]:
    """The frame of each suite, by the suite's name; classes of `targets` alone are counted."""
    return {
        "series": _series(tables),
        "images": _images(tables.series),
        "crops": _crops(tables.crops),
        "readings": _readings(tables),
        "nodules": _nodules(tables),
        "readers": _readers(tables),
        "labels": _labels(tables.nodules, labels, targets),
        "patients": _patients(tables),
    }


def _series(tables: IndexTables) -> pd.DataFrame:
    is_volume = tables.series["form"] == "volume"
    return tables.series.assign(
        planes=tables.series["n_slices"].where(is_volume),
        pixels_in_series=tables.series.groupby("pixels_sha256")["series_uid"].transform("size"),
    )


def _images(series: pd.DataFrame) -> pd.DataFrame:
    """What a slice or crop cannot show (planes, air, lung) is not asked of it."""
    is_volume, is_crop = series["form"] == "volume", series["form"] == "crop"
    always = {name: series[name].isna() for name in ("hu_min", "hu_max")}
    of_volumes = {
        name: series[name].isna() & is_volume
        for name in ("spacing_z_mm", "spacing_y_mm", "spacing_x_mm", "tissue_mode_hu")
    }
    return series.assign(
        missing=_names_where(always | of_volumes),
        shift=_shift(series),
        without_air=series["air_mode_hu"].isna() & ~is_crop,
        without_lung=series["lung_mode_hu"].isna() & ~is_crop,
    )


def _shift(series: pd.DataFrame) -> pd.Series:
    """'+1024' or '-1024' where the values look like HU with that added, else ''.

    Air around and in the body is the lowest hundredth of a volume or slice (-1024 to -900 HU); a crop may
    hold soft tissue alone, but never has a median beyond air or bone.
    """
    is_crop = series["form"] == "crop"
    low, middle = series["hu_p01"], series["hu_p50"]
    raised = np.where(
        is_crop, middle > _DENSE_HU, low.between(*_RAISED_AIR_HU) & (series["hu_max"] > _DENSE_HU)
    )
    lowered = np.where(is_crop, middle < _BELOW_AIR_HU, low < _BELOW_AIR_HU)
    return pd.Series(np.select([raised, lowered], ["+1024", "-1024"], ""), index=series.index, dtype="object")


def _crops(crops: pd.DataFrame) -> pd.DataFrame:
    """With the limits that each crop breaks; padding at the edge of an image breaks none."""
    broken = {name: ~crops[name].between(*limits) for name, limits in CROP_LIMITS.items()}
    return crops.assign(odd=_names_where(broken))


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
    in_volume = nodules["series_uid"].map(_first_of(tables.series, "form")) == "volume"
    needed = ("volume_mm3", "z_index", "y_index", "x_index")
    of_points = nodules["diameter_mm"].isna()  # a point without a size has no volume
    sized = {name: in_volume & ~(of_points & (name == "volume_mm3")) for name in needed}
    n_scores = nodules["scores"].map(len)
    return nodules.assign(
        missing=_names_where({name: nodules[name].isna() & sized[name] for name in needed}),
        without_diameter=nodules["diameter_mm"].isna(),
        unlabelled=(n_scores == 0) & (nodules["label"] == LEFT_OUT),
        lowest_score=[min(scores, default=np.nan) for scores in nodules["scores"]],
        highest_score=[max(scores, default=np.nan) for scores in nodules["scores"]],
        series_known=nodules["series_uid"].isin(tables.series["series_uid"]),
        patient_matches=nodules["series_uid"].map(patients) == nodules["patient_id"],
        inside_volume=_inside_volume(nodules, tables.series) | ~in_volume,
    )


def _readers(tables: IndexTables) -> pd.DataFrame:
    """What the readings of each nodule add up to, beside what the nodule says."""
    own = tables.readings[tables.readings["kind"] == "nodule"].groupby("nodule_id")
    nodules = tables.nodules
    sessions = nodules["nodule_id"].map(own["reader"].nunique()).fillna(0)
    given = own["malignancy"].apply(lambda scores: tuple(sorted(int(value) for value in scores if value > 0)))
    scores = nodules["nodule_id"].map(given).map(lambda values: values if isinstance(values, tuple) else ())
    return nodules[["nodule_id", "n_readers"]].assign(
        readings_match=sessions == nodules["n_readers"],
        scores_match=[
            tuple(sorted(said)) == counted for said, counted in zip(nodules["scores"], scores, strict=True)
        ],
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
    return _first_of(series, "patient_id")


def _first_of(series: pd.DataFrame, column: str) -> pd.Series:
    """A column of the table of series, by series_uid."""
    return series.drop_duplicates("series_uid").set_index("series_uid")[column]


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


def _names_where(conditions: dict[str, pd.Series]) -> pd.Series:
    """Names of the conditions that hold in each row, with commas between; '' if none does."""
    table = pd.DataFrame(conditions)
    return pd.Series(
        [", ".join(table.columns[row]) for row in table.to_numpy(dtype=bool)],
        index=table.index,
        dtype="object",
    )
