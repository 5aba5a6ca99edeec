"""A phantom cohort as the audit and the probes see it: tables and views, made without a file.

One plane is drawn for each nodule, as the stage `views` would cut it. Planes of one patient share their noise
and lung texture, more than those of a real series do: a patient is easier to recognise than in CT.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lungml.checks.findings import Finding, Level
from lungml.checks.leakage import audit
from lungml.checks.material import Material
from lungml.imaging.store import ViewStore
from lungml.imaging.views import Plane, cut_view
from lungml.labels import labels_of
from lungml.params.audit import AuditParams
from lungml.params.data import LabelParams, PhantomParams, SplitParams, ViewsParams
from lungml.phantom.cohort import each_patient
from lungml.phantom.image import render
from lungml.phantom.patient import Finding as PhantomNodule
from lungml.phantom.patient import Patient, draw_patients
from lungml.phantom.scanners import ScannerStyle
from lungml.phantom.scene import Nodule, Scene, place
from lungml.phantom.seeds import dicom_uid, short_name
from lungml.phantom.series import series_uid_of
from lungml.splits import assign_folds, assign_parts
from lungml.terms import Part, View

Images = dict[View, NDArray[np.int16]]
"""(N, SIZE_PX, SIZE_PX) in HU, one for each nodule."""

SIZE_PX = 64
_FOLDS = 5
_FILE_BYTES = 131_622.0
_OUTSIDE_CIRCLE = 1 - np.pi / 4
_PLANES_APART = 10
"""So far apart that planes of one series are no neighbours."""


@dataclass
class Cohort:
    """What `read_material` gives, still open to change: faults are planted by changing it.

    `nodules` and `series` have the columns the audit looks at. `ratings` are what readers say of a nodule
    beside its malignancy, (N, 4): lobulation, spiculation, margin, texture; no pipeline may take them as
    input.
    """

    nodules: pd.DataFrame
    series: pd.DataFrame
    images: Images
    ratings: NDArray[np.float64]

    def copy(self) -> Cohort:
        """One that can be changed without this one."""
        return copy.deepcopy(self)

    def findings(self, params: AuditParams) -> list[Finding]:
        """All that the audit finds."""
        stores = {view: _store(self.nodules, images) for view, images in self.images.items()}
        return audit(Material(self.nodules, self.series, stores), params)

    def codes(self, params: AuditParams) -> set[str]:
        """Codes of alarms and warnings."""
        return {item.code for item in self.findings(params) if item.level in (Level.ALARM, Level.WARNING)}

    def row(self, part: Part, number: int = 0) -> int:
        """Row of a nodule of this part; each number is another patient."""
        firsts = self.nodules[self.nodules["part"] == part].drop_duplicates("patient_id").index
        return int(firsts[number])


def draw_images(params: PhantomParams) -> Images:
    """Both views of all nodules; they depend on the cohort's rule only through the fingerprint."""
    views = [view for part in each_patient(_views_of, draw_patients(params)) for view in part]
    slices, crops = zip(*views, strict=True)
    return {View.SLICE: np.stack(slices), View.NODULE: np.stack(crops)}


def make_cohort(params: PhantomParams, images: Images) -> Cohort:
    """Readings, labels, parts and folds of the nodules of `images`."""
    patients = draw_patients(params)
    pairs = [(patient, number) for patient in patients for number in range(len(patient.findings))]
    nodules = pd.DataFrame([_nodule_row(patient, number) for patient, number in pairs])
    labels = labels_of(nodules, LabelParams())
    who = nodules["patient_id"].to_numpy()
    part = assign_parts(who, labels[["binary"]], SplitParams(seed=params.seed))
    fold = np.full(len(nodules), -1, np.int8)
    known = part != Part.TEST
    fold[known] = assign_folds(who[known], labels.loc[known, ["binary"]], folds=_FOLDS, seed=params.seed)
    nodules = nodules.assign(
        score=labels["score"],
        binary=labels["binary"],
        five=labels["five"],
        policy_binary=labels["binary"],
        policy_five=labels["five"],
        part=part,
        fold=fold,
    )
    ratings = np.array([_mean_ratings(patient.findings[number]) for patient, number in pairs])
    return Cohort(
        nodules, pd.DataFrame([_series_row(patient) for patient in patients]), dict(images), ratings
    )


def first_patients(params: PhantomParams, images: Images, count: int) -> Cohort:
    """A cohort of the first `count` patients, whose images are the first of `images`."""
    fewer = params.model_copy(update={"patients": min(count, params.patients)})
    nodules = sum(len(patient.findings) for patient in draw_patients(fewer))
    return make_cohort(fewer, {view: some[:nodules] for view, some in images.items()})


def _views_of(patient: Patient) -> list[tuple[NDArray[np.int16], NDArray[np.int16]]]:
    """Slice and nodule view of each nodule."""
    scene = place(patient)
    return [_cut(scene, nodule) for nodule in scene.nodules]


def _cut(scene: Scene, nodule: Nodule) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    x_mm, y_mm, _ = scene.grid.centre_mm
    middle_mm = (x_mm, y_mm, float(nodule.centre_mm[2]))
    thin = replace(scene.grid, shape=(1, *scene.grid.shape[1:]), centre_mm=middle_mm)
    plane_hu = render(replace(scene, grid=thin, nodules=(nodule,)))[0]
    _, y, x = thin.index_of(nodule.centre_mm)
    plane = Plane(
        nodule_id="",
        hu=plane_hu,
        mask=np.zeros(plane_hu.shape, bool),
        spacing_mm=(thin.spacing_mm[1], thin.spacing_mm[2]),
        centre_px=(float(y), float(x)),
    )
    views = ViewsParams(size_px=SIZE_PX)
    return cut_view(plane, View.SLICE, views).image_hu[0], cut_view(plane, View.NODULE, views).image_hu[0]


def _nodule_row(patient: Patient, number: int) -> dict[str, object]:
    finding = patient.findings[number]
    words = (patient.seed, "self-test", patient.number, number)
    return {
        "nodule_id": f"nodule-{short_name(*words)}",
        "series_uid": series_uid_of(patient),
        "patient_id": patient.patient_id,
        "scores": sorted(rating.malignancy for rating in finding.ratings),
        "label": -1,
        "diameter_mm": finding.attributes.diameter_mm,
        "plane": _PLANES_APART * number,
        "path": f"{short_name(*words, 'folder')}/{short_name(*words, 'file')}.dcm",
        "sop_uid": dicom_uid(*words),
        "file_bytes": _FILE_BYTES,
    }


def _mean_ratings(finding: PhantomNodule) -> list[float]:
    names = ("lobulation", "spiculation", "margin", "texture")
    return [float(np.mean([getattr(rating, name) for rating in finding.ratings])) for name in names]


def _series_row(patient: Patient) -> dict[str, object]:
    style: ScannerStyle = patient.style
    return {
        "series_uid": series_uid_of(patient),
        "study_uid": dicom_uid(patient.seed, "study", patient.number),
        "patient_id": patient.patient_id,
        "pixels_sha256": short_name(patient.seed, "pixels", patient.number),
        "n_slices": style.slices,
        "rows": style.rows,
        "columns": style.columns,
        "spacing_z_mm": style.spacing_z_mm,
        "spacing_y_mm": round(style.field_of_view_mm[0] / style.columns, 2),
        "slice_thickness_mm": style.thickness_mm,
        "manufacturer": style.manufacturer,
        "model": style.model,
        "kernel": style.kernel,
        "kvp": float(style.kvp),
        "padding_fraction": 0.0 if style.padding_stored is None else _OUTSIDE_CIRCLE,
    }


def _store(nodules: pd.DataFrame, images: NDArray[np.int16]) -> ViewStore:
    """As `read_store` gives it, sorted by nodule_id."""
    order = np.argsort(nodules["nodule_id"].to_numpy(), kind="stable")
    items = nodules.iloc[order][["nodule_id", "patient_id", "series_uid"]].reset_index(drop=True)
    items = items.assign(z_index=nodules["plane"].to_numpy()[order], pixel_spacing_mm=1.0)
    return ViewStore(images[order][:, None], np.zeros(images.shape, bool), items, {})
