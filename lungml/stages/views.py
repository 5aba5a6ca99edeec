"""Stage views: cut the slice or the nodule view of every nodule into a packed store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungml.ct.read import read_planes
from lungml.errors import InputError
from lungml.files import code_sha256, read_json, sha256_json
from lungml.imaging.partial import PartialStore
from lungml.imaging.store import write_store
from lungml.imaging.views import Cut, Plane, crop_plane, cut_crop, cut_view
from lungml.nodules.masks import consensus_plane_mask
from lungml.parallel import Pool, worker_pool
from lungml.params.data import ConsensusParams, CtParams, ViewsParams
from lungml.progress import say
from lungml.sources.crop_files import read_crop
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
    partial = PartialStore(out.with_name(f".{out.name}.partial"))
    data_sha256 = read_json(index / "summary.json")["data_sha256"]
    with worker_pool() as pool:
        found = dict(chain.from_iterable(_cut_all(jobs, partial, data_sha256, pool)))
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
            "data_sha256": data_sha256,
        },
    )
    partial.remove()


@dataclass(frozen=True)
class _How:
    """What is the same for every series."""

    view: View
    raw: Path
    ct: CtParams
    views: ViewsParams
    mask_share: float

    def facts(self) -> list[Any]:
        """What decides the views beside the data, as JSON has it."""
        return [
            self.view,
            self.ct.model_dump(mode="json"),
            self.views.model_dump(mode="json"),
            self.mask_share,
        ]


@dataclass(frozen=True)
class _Job:
    """One series: how many planes, (z, y, x) spacing (NaN where unknown), and its rows of the tables."""

    how: _How
    series_uid: str
    planes: int
    spacing_mm: tuple[float, float, float]
    slices: pd.DataFrame
    nodules: pd.DataFrame
    readings: pd.DataFrame
    contours: pd.DataFrame


def _cut_all(
    jobs: Sequence[_Job], partial: PartialStore, data_sha256: str, pool: Pool
) -> Iterator[list[tuple[str, Cut]]]:
    """The views of every series; those that a stopped run finished are not cut again."""
    code = code_sha256()
    keys = [sha256_json([job.series_uid, *job.how.facts(), data_sha256, code]) for job in jobs]
    finished = {key: cuts for key in keys if (cuts := partial.read(key)) is not None}
    if finished:
        say(f"  {len(finished)} of {len(jobs)} series were finished by a run that was stopped")
    yield from finished.values()
    rest = [(key, job) for key, job in zip(keys, jobs, strict=True) if key not in finished]
    results = pool.map(_cut_series, [job for _, job in rest], "views, series")
    for (key, _), cuts in zip(rest, results, strict=True):
        partial.keep(key, cuts)
        yield cuts


def _read(index: Path, table: Table) -> pd.DataFrame:
    return read_table(index / f"{table.name}.parquet", table)


def _planes(nodules: pd.DataFrame, views: ViewsParams) -> pd.Series:
    """In which plane, of the canonical volume, each nodule is shown."""
    if views.plane == "largest":
        return nodules["largest_z_index"]
    return nodules["z_index"].round().astype(np.int32)


def _jobs(nodules: pd.DataFrame, index: Path, how: _How) -> Iterator[_Job]:
    """One job for each series that has a nodule."""
    table = _read(index, SERIES)
    shown = table[table["series_uid"].isin(nodules["series_uid"])]
    _refuse_impossible(shown, how)
    slices, readings = (_by_series(_read(index, each)) for each in (SLICES, READINGS))
    contours = _read(index, CONTOURS)
    series_of = _read(index, READINGS).set_index("reading_id")["series_uid"]
    outlines = dict(list(contours.groupby(contours["reading_id"].map(series_of))))
    own = _by_series(nodules)
    for row in shown.sort_values("series_uid").to_dict("records"):
        uid = row["series_uid"]
        spacing_mm = (float(row["spacing_z_mm"]), float(row["spacing_y_mm"]), float(row["spacing_x_mm"]))
        marks = outlines.get(uid, contours.iloc[:0]).reset_index(drop=True)
        parts = (slices.get(uid, _NO_SLICES), own[uid], readings[uid], marks)
        yield _Job(how, uid, int(row["n_slices"]), spacing_mm, *parts)


_NO_SLICES = pd.DataFrame(columns=list(SLICES.columns))


def _by_series(table: pd.DataFrame) -> dict[Any, pd.DataFrame]:
    return dict(list(table.groupby("series_uid")))


def _refuse_impossible(series: pd.DataFrame, how: _How) -> None:
    """Say in one sentence what cannot be cut of the series that have nodules."""
    crops = int((series["form"] == "crop").sum())
    if how.view is View.SLICE and crops:
        raise InputError(
            f"{crops} of {len(series)} series are ready-made crops, which have no slice view; leave the view "
            "slice and its tasks out of section scope in params.yaml"
        )
    unknown = int(series["spacing_y_mm"].isna().sum())
    if how.views.geometry == "field-of-view" and unknown:
        raise InputError(
            f"pixels of {unknown} of {len(series)} series have no known size, so no view of a fixed width in "
            "mm can be cut of them; set views.geometry: pad-and-resize in params.yaml"
        )


def _cut_series(job: _Job) -> list[tuple[str, Cut]]:
    """The view of each nodule of a series; only the planes that are shown are read."""
    nodules = job.nodules.to_dict("records")
    ready = job.how.view is View.NODULE
    made = [nodule for nodule in nodules if ready and nodule["crop_path"]]
    rest = [nodule for nodule in nodules if not (ready and nodule["crop_path"])]
    cuts = [(str(nodule["nodule_id"]), _cut_crop(job, nodule)) for nodule in made]
    return cuts + (_cut_planes(job, rest) if rest else [])


def _cut_planes(job: _Job, nodules: list[dict[Any, Any]]) -> list[tuple[str, Cut]]:
    around = {nodule["nodule_id"]: _neighbours(job, int(nodule["plane"])) for nodule in nodules}
    wanted = sorted({z for planes in around.values() for z in planes})
    hu, _ = read_planes(job.how.raw, job.slices, wanted, job.how.ct)
    planes = dict(zip(wanted, hu, strict=True))
    return [
        (name, _cut_nodule(job, nodule, [planes[z] for z in around[name]]))
        for nodule in nodules
        for name in [nodule["nodule_id"]]
    ]


def _neighbours(job: _Job, z: int) -> tuple[int, ...]:
    """The plane itself, then those below and above it if the views need them and there are any."""
    if job.how.views.channels != "neighbours" or job.planes < _PLANES_WITH_NEIGHBOURS:
        return (z,)
    step = max(1, round(job.how.views.neighbour_distance_mm / job.spacing_mm[0]))
    below, above = max(z - step, 0), min(z + step, job.planes - 1)
    return z, below if z > 0 else above, above if z < job.planes - 1 else below


_PLANES_WITH_NEIGHBOURS = 2


def _cut_nodule(job: _Job, nodule: dict[Any, Any], planes_hu: list[NDArray[np.int16]]) -> Cut:
    plane_hu, *beside = planes_hu
    below, above = beside or (None, None)
    mask = _mask(job, nodule, plane_hu.shape)
    centre_px = (nodule["y_index"], nodule["x_index"])
    plane = Plane(nodule["nodule_id"], plane_hu, mask, job.spacing_mm[1:], centre_px, below, above)
    return cut_view(plane, job.how.view, job.how.views)


def _cut_crop(job: _Job, nodule: dict[Any, Any]) -> Cut:
    crop_hu = read_crop(job.how.raw, nodule["crop_path"])
    middle_px = [(size - 1) / 2 for size in crop_hu.shape]
    corner = [
        centre - at for centre, at in zip((nodule["y_index"], nodule["x_index"]), middle_px, strict=True)
    ]
    mask = None
    if np.isfinite(corner).all():
        top, left = (max(0, round(float(at))) for at in corner)
        reach = (top + crop_hu.shape[0], left + crop_hu.shape[1])
        mask = _mask(job, nodule, reach)[top:, left:]
    return cut_crop(crop_plane(nodule["nodule_id"], crop_hu, job.spacing_mm[1:], mask), job.how.views)


def _mask(job: _Job, nodule: dict[Any, Any], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The nodule in its plane, (y, x); empty where no reading has an outline."""
    readings = job.readings[job.readings["nodule_id"] == nodule["nodule_id"]]
    if not job.contours["reading_id"].isin(readings["reading_id"]).any():
        return np.zeros(shape, dtype=np.bool_)
    rows, columns = shape
    return consensus_plane_mask(
        job.contours, readings, nodule["nodule_id"], nodule["plane"], (rows, columns), job.how.mask_share
    )
