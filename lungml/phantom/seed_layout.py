"""The same cohort in the seed study's layout: `dataset_lung.xlsx`, `patN_fullslice.nrrd`, `patN_nodule.nrrd`.

As there, N counts nodules, not patients, and nothing says which nodules share a patient.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lungml.ct.write import write_nrrd
from lungml.files import atomic_file, write_text
from lungml.params.data import PhantomParams
from lungml.phantom.cohort import each_patient
from lungml.phantom.image import render
from lungml.phantom.patient import Patient, draw_patients
from lungml.phantom.readings import outline_in_plane
from lungml.phantom.scene import Nodule, Scene, place
from lungml.phantom.scores import consensus_class
from lungml.phantom.series import series_uid_of
from lungml.phantom.truth import csv_text, nodule_rows
from lungml.progress import track

_COLUMNS = ("Full_slice", "Nodule", "TumorClass")
_MARGIN_PX = 2
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class SeedCase:
    """One nodule as the seed study had it: its slice and its cut-out in HU, and the readers' class 1 to 5."""

    slice_hu: NDArray[np.int16]
    nodule_hu: NDArray[np.int16]
    spacing_mm: tuple[float, float]
    tumor_class: int


def write_seed_layout(params: PhantomParams, out: Path) -> None:
    """Write the cohort's nodules into the folder `out`, and which patient each is of into `out`/truth."""
    out.mkdir(parents=True, exist_ok=True)
    patients = draw_patients(params)
    first = np.cumsum([1, *(len(patient.findings) for patient in patients)])
    numbered = {patient.number: int(number) for patient, number in zip(patients, first[:-1], strict=True)}
    written = list(
        track(
            each_patient(partial(_write_patient, out, numbered), patients), "phantom patients", len(patients)
        )
    )
    rows = [row for part in written for row in part]
    write_sheet(out / "dataset_lung.xlsx", rows)
    write_text(out / "truth" / "nodules.csv", csv_text([row["truth"] for row in rows]))


def seed_cases(scene: Scene) -> list[SeedCase]:
    """The nodules of a scene, each on the plane through its centre, cut to the outline's bounding box."""
    image = render(scene)
    return [_seed_case(scene, image, nodule) for nodule in scene.nodules]


def _seed_case(scene: Scene, image: NDArray[np.int16], nodule: Nodule) -> SeedCase:
    plane = int(np.rint(scene.grid.index_of(nodule.centre_mm)[0]))
    pixels = np.array(outline_in_plane(scene.grid, nodule, plane))
    low = np.maximum(pixels.min(axis=0) - _MARGIN_PX, 0)
    high = pixels.max(axis=0) + _MARGIN_PX + 1
    return SeedCase(
        slice_hu=image[plane],
        nodule_hu=image[plane, low[0] : high[0], low[1] : high[1]],
        spacing_mm=scene.grid.spacing_mm[1:],
        tumor_class=consensus_class([rating.malignancy for rating in nodule.finding.ratings]),
    )


def _write_patient(out: Path, numbered: dict[int, int], patient: Patient) -> list[dict[str, Any]]:
    scene = place(patient)
    truth = nodule_rows(scene, series_uid_of(patient))
    rows = []
    for offset, (case, known) in enumerate(zip(seed_cases(scene), truth, strict=True)):
        name = f"pat{numbered[patient.number] + offset}"
        files = (f"{name}_fullslice.nrrd", f"{name}_nodule.nrrd")
        write_nrrd(out / files[0], case.slice_hu, case.spacing_mm)
        write_nrrd(out / files[1], case.nodule_hu, case.spacing_mm)
        rows.append({"row": (*files, case.tumor_class), "truth": {"name": name} | known})
    return rows


def write_sheet(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write the sheet; equal rows give equal bytes, so the file's own dates are taken out."""
    from openpyxl import Workbook

    book = Workbook()
    sheet = book.active
    sheet.append(_COLUMNS)
    for row in rows:
        sheet.append(row["row"])
    with atomic_file(path) as temporary:
        book.save(temporary)
        _remove_dates(temporary)


def _remove_dates(path: Path) -> None:
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in parts.items():
            undated = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2000-01-01T00:00:00Z", content)
            new.writestr(zipfile.ZipInfo(name, _EPOCH), undated, zipfile.ZIP_DEFLATED)
