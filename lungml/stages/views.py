"""Stage views: cut the slice or the nodule view of every nodule into a packed store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungml.ct.read import read_planes
from lungml.errors import InputError
from lungml.files import read_json
from lungml.imaging.store import write_store
from lungml.imaging.views import Cut, Plane, cut_view
from lungml.nodules.masks import consensus_plane_mask
from lungml.parallel import worker_pool
from lungml.params.data import ConsensusParams, CtParams, ViewsParams
from lungml.tables import CONTOURS, NODULES, READINGS, SERIES, SLICES, Table, read_table
from lungml.terms import View


def run(
    ct: CtParams,
    consensus: ConsensusParams,
    views: ViewsParams,
    *,
    view: View,
    raw: Path,
    index: Path,
    out: Path,
) -> None:
    """Cut the view of every nodule, series by series side by side; same bytes for any number of workers."""
    nodules = _read(index, NODULES).sort_values("nodule_id", ignore_index=True)
    if nodules.empty:
        raise InputError(f"{index}/nodules.parquet has no nodule, so there is nothing to cut a view of")
    nodules = nodules.assign(plane=_planes(nodules, views))
    jobs = list(_jobs(nodules, index, _How(view, raw, ct, views, consensus.mask_share)))
    with worker_pool() as pool:
        found = dict(chain.from_iterable(pool.map(_cut_series, jobs, f"{view} views, series")))
    cuts = [found[nodule] for nodule in nodules["nodule_id"]]
    write_store(
        out,
        images_hu=np.stack([cut.image_hu for cut in cuts]),
        masks=np.stack([cut.mask for cut in cuts]),
        items=pd.DataFrame(
            {
                "nodule_id": nodules["nodule_id"],
                "patient_id": nodules["patient_id"],
                "series_uid": nodules["series_uid"],
                "z_index": nodules["plane"],
                "pixel_spacing_mm": [cut.pixel_spacing_mm for cut in cuts],
            }
        ),
        info={
            "view": view.value,
            "params": views.model_dump(mode="json"),
            "mask_share": consensus.mask_share,
            "data_sha256": read_json(index / "summary.json")["data_sha256"],
        },
    )


@dataclass(frozen=True)
class _How:
    """What is the same for every series."""

    view: View
    raw: Path
    ct: CtParams
    views: ViewsParams
    mask_share: float


@dataclass(frozen=True)
class _Job:
    """One series: rows of the tables that are its own, and its (y, x) spacing."""

    how: _How
    spacing_mm: tuple[float, float]
    slices: pd.DataFrame
    nodules: pd.DataFrame
    readings: pd.DataFrame
    contours: pd.DataFrame


def _read(index: Path, table: Table) -> pd.DataFrame:
    return read_table(index / f"{table.name}.parquet", table)


def _planes(nodules: pd.DataFrame, views: ViewsParams) -> pd.Series:
    """In which plane, of the canonical volume, each nodule is shown."""
    if views.plane == "largest":
        return nodules["largest_z_index"]
    return nodules["z_index"].round().astype(np.int32)


def _jobs(nodules: pd.DataFrame, index: Path, how: _How) -> Iterator[_Job]:
    """One job for each series that has a nodule."""
    series = _read(index, SERIES)
    columns = (series[name] for name in ("series_uid", "spacing_y_mm", "spacing_x_mm"))
    spacings_mm = {uid: (float(y), float(x)) for uid, y, x in zip(*columns, strict=True)}
    slices = dict(list(_read(index, SLICES).groupby("series_uid")))
    readings = dict(list(_read(index, READINGS).groupby("series_uid")))
    contours = _read(index, CONTOURS).set_index("reading_id", drop=False)
    for uid, own in nodules.groupby("series_uid"):
        marks = contours.loc[contours.index.isin(readings[uid]["reading_id"])].reset_index(drop=True)
        yield _Job(how, spacings_mm[uid], slices[uid], own, readings[uid], marks)


def _cut_series(job: _Job) -> list[tuple[str, Cut]]:
    """The view of each nodule of a series; only the planes that are shown are read."""
    planes = sorted({int(z) for z in job.nodules["plane"]})
    hu, _ = read_planes(job.how.raw, job.slices, planes, job.how.ct)
    return [
        (nodule["nodule_id"], _cut_nodule(job, nodule, hu[planes.index(nodule["plane"])]))
        for nodule in job.nodules.to_dict("records")
    ]


def _cut_nodule(job: _Job, nodule: dict[Any, Any], plane_hu: NDArray[np.int16]) -> Cut:
    rows, columns = plane_hu.shape
    mask = consensus_plane_mask(
        job.contours, job.readings, nodule["nodule_id"], nodule["plane"], (rows, columns), job.how.mask_share
    )
    centre_px = (nodule["y_index"], nodule["x_index"])
    plane = Plane(nodule["nodule_id"], plane_hu, mask, job.spacing_mm, centre_px)
    return cut_view(plane, job.how.view, job.how.views)
