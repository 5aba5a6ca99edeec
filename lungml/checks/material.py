"""What the audit looks at: the divided nodules with all that is known of them, and their views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lungml.imaging.store import ViewStore, read_store
from lungml.labels import labels_of
from lungml.params.data import LabelParams
from lungml.tables import NODULES, SERIES, SLICES, SPLIT, read_table
from lungml.terms import Part, View


@dataclass(frozen=True)
class Material:
    """`nodules`: one row per nodule that is in a part, in the order of the table of nodules.

    Its columns are those of NODULES and of SPLIT, `plane` (what the views show), `path` and `sop_uid` of the
    image file (crops: `crop_path`), `file_bytes` (NaN where there is no file), `policy_binary` and
    `policy_five` (labels under the policy in force). `views` are the stores that were cut.
    """

    nodules: pd.DataFrame
    series: pd.DataFrame
    views: Mapping[View, ViewStore]


def read_material(raw: Path, index: Path, split: Path, views: Path, labels: LabelParams) -> Material:
    """Read tables and view stores; of the raw files only their sizes.

    Raises:
        InputError: a table or store is not there or not what it should be.
    """
    nodules = read_table(index / "nodules.parquet", NODULES)
    series = read_table(index / "series.parquet", SERIES)
    slices = read_table(index / "slices.parquet", SLICES)
    stores = {view: read_store(views / view) for view in View if (views / view).is_dir()}
    divided = read_table(split, SPLIT).drop(columns="patient_id")
    policy = labels_of(nodules, labels)
    nodules = nodules.assign(policy_binary=policy["binary"], policy_five=policy["five"])
    nodules = nodules.merge(divided, on="nodule_id", how="inner", validate="1:1")
    nodules = nodules[nodules["part"].isin([part.value for part in Part])].reset_index(drop=True)
    return Material(_with_files(nodules, slices, stores, raw), series, stores)


def _with_files(
    nodules: pd.DataFrame, slices: pd.DataFrame, stores: Mapping[View, ViewStore], raw: Path
) -> pd.DataFrame:
    planes = nodules["largest_z_index"]
    for store in stores.values():
        shown = store.items.set_index("nodule_id")["z_index"]
        planes = nodules["nodule_id"].map(shown).fillna(planes)
    nodules = nodules.assign(plane=planes.astype(np.int32))
    files = slices[["series_uid", "z_index", "path", "sop_uid"]].rename(columns={"z_index": "plane"})
    nodules = nodules.merge(files, on=["series_uid", "plane"], how="left", validate="m:1")
    ready = nodules["crop_path"] != ""
    nodules["path"] = nodules["crop_path"].where(ready, nodules["path"]).fillna("")
    nodules["sop_uid"] = nodules["sop_uid"].fillna("")
    sizes = {path: _bytes(raw / path.split("#")[0]) for path in set(nodules["path"])}
    return nodules.assign(file_bytes=nodules["path"].map(sizes).astype(float))


def _bytes(path: Path) -> float:
    return float(path.stat().st_size) if path.is_file() else float("nan")
