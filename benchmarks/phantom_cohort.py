"""A divided cohort as the audit sees it, drawn by the phantom: one plane for each nodule, no files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungml.checks.material import Material
from lungml.imaging.store import ViewStore
from lungml.imaging.views import Plane, cut_view
from lungml.labels import LEFT_OUT, labels_of
from lungml.params.data import LabelParams, PhantomParams, SplitParams, ViewsParams
from lungml.phantom.image import render
from lungml.phantom.patient import draw_patient
from lungml.phantom.scene import Nodule, Scene, place
from lungml.splits import assign_folds, assign_parts
from lungml.terms import Part, View


def draw_cohort(nodules: int, views: ViewsParams) -> Material:
    """The first `nodules` nodules of the phantom's patients, in parts and folds, with both views."""
    found = list(islice(_nodules(), nodules))
    rows = pd.DataFrame([_nodule_row(scene, nodule) for scene, nodule in found])
    rows = _divided(rows.assign(nodule_id=[f"n{number:05}" for number in range(len(rows))]))
    pictures = [_images(scene, nodule, views) for scene, nodule in found]
    stores = {view: _store(rows, np.stack([each[view] for each in pictures])) for view in View}
    series = pd.DataFrame([_series_row(scene) for scene, _ in found]).drop_duplicates("series_uid")
    return Material(rows, series, stores)


def _nodules() -> Iterator[tuple[Scene, Nodule]]:
    params = PhantomParams()
    for number in count(1):
        scene = place(draw_patient(params, number))
        yield from ((scene, nodule) for nodule in scene.nodules)


def _nodule_row(scene: Scene, nodule: Nodule) -> dict[str, object]:
    z, _, _ = scene.grid.index_of(nodule.centre_mm)
    uid = f"2.25.{scene.patient.number}"
    return {
        "patient_id": scene.patient.patient_id,
        "series_uid": uid,
        "plane": round(float(z)),
        "sop_uid": f"{uid}.{round(float(z))}",
        "path": f"{uid}/{scene.patient.seed * 7919 % 9973:04}-{round(float(z))}.dcm",
        "file_bytes": 2.0 * scene.patient.style.rows * scene.patient.style.columns,
        "scores": [rating.malignancy for rating in nodule.finding.ratings],
        "label": LEFT_OUT,
    }


def _series_row(scene: Scene) -> dict[str, object]:
    style, uid = scene.patient.style, f"2.25.{scene.patient.number}"
    return {
        "series_uid": uid, "study_uid": f"{uid}.0", "patient_id": scene.patient.patient_id,
        "pixels_sha256": uid, "n_slices": style.slices, "rows": style.rows, "columns": style.columns,
        "spacing_z_mm": style.spacing_z_mm, "spacing_y_mm": scene.grid.spacing_mm[1],
        "slice_thickness_mm": style.thickness_mm, "manufacturer": style.manufacturer, "model": style.model,
        "kernel": style.kernel, "kvp": style.kvp, "padding_fraction": float(style.padding_stored is not None),
    }  # fmt: skip


def _divided(rows: pd.DataFrame) -> pd.DataFrame:
    labels, patients = labels_of(rows, LabelParams()), rows["patient_id"].to_numpy()
    wanted, split = labels[["binary", "five"]], SplitParams()
    part = assign_parts(patients, wanted, split)
    fold, kept = np.full(len(rows), -1, np.int8), part != Part.TEST.value
    fold[kept] = assign_folds(patients[kept], wanted[kept], folds=split.folds, seed=split.seed)
    classes = {name: labels[name] for name in ("binary", "five")}
    policy = {f"policy_{name}": values for name, values in classes.items()}
    return rows.assign(**classes, **policy, part=part, fold=fold)


def _images(scene: Scene, nodule: Nodule, views: ViewsParams) -> dict[View, NDArray[np.int16]]:
    """Only the plane of the nodule is drawn, without the patient's other nodules."""
    x_mm, y_mm, _ = scene.grid.centre_mm
    grid = replace(
        scene.grid, shape=(1, *scene.grid.shape[1:]), centre_mm=(x_mm, y_mm, float(nodule.centre_mm[2]))
    )
    plane_hu = render(replace(scene, grid=grid, nodules=(nodule,)))[0]
    _, y, x = grid.index_of(nodule.centre_mm)
    mask = np.zeros(plane_hu.shape, np.bool_)
    spacing_mm = (float(grid.spacing_mm[1]), float(grid.spacing_mm[2]))
    plane = Plane("nodule", plane_hu, mask, spacing_mm, (float(y), float(x)))
    return {view: cut_view(plane, view, views).image_hu[0] for view in View}


def _store(rows: pd.DataFrame, images_hu: NDArray[np.int16]) -> ViewStore:
    items = rows[["nodule_id", "patient_id", "series_uid"]].assign(z_index=rows["plane"])
    return ViewStore(images_hu[:, None], np.zeros(images_hu.shape, np.bool_), items, {})
