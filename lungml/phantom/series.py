"""One patient's CT series and readings as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lungml.ct.write import (
    PixelStorage,
    PlaneHeader,
    SeriesHeader,
    decimal_string,
    to_stored,
    write_series,
)
from lungml.files import write_text
from lungml.phantom.image import outside_circle, render
from lungml.phantom.lidc_xml import PlaneReference, ReadMessage, read_message_xml
from lungml.phantom.patient import Patient
from lungml.phantom.readings import read_scene
from lungml.phantom.scanners import ScannerStyle
from lungml.phantom.scene import Scene, place
from lungml.phantom.seeds import dicom_uid, generator, short_name
from lungml.phantom.truth import nodule_rows, patient_row


def write_patient(patient: Patient, folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Write a patient's series and readings under `folder`/<patient>/<series>; return the truth's rows."""
    scene = place(patient)
    series_uid = series_uid_of(patient)
    into = folder / patient.patient_id / series_uid
    planes = _planes(scene)
    image = render(scene)
    storage = _storage(patient.style)
    stored = to_stored(image, outside_circle(scene.grid), storage)
    if patient.orientation.flip_x:
        stored = stored[:, :, ::-1]
    write_series(into, stored, _header(scene, storage), planes)
    write_text(into / "readings.xml", _readings_xml(scene, planes))
    return {"nodules": nodule_rows(scene, series_uid), "patients": [patient_row(scene, series_uid)]}


def series_uid_of(patient: Patient) -> str:
    """SeriesInstanceUID of a patient's only series."""
    return dicom_uid(patient.seed, "series", patient.number)


def _planes(scene: Scene) -> list[PlaneHeader]:
    """A header per plane; file names and instance numbers say nothing about the order."""
    patient, grid = scene.patient, scene.grid
    words = (patient.seed, "plane", patient.number)
    numbers = generator(*words).permutation(grid.shape[0]) + 1
    along, _ = grid.directions
    corner = grid.corner_mm + scene.origin_mm
    if patient.orientation.flip_x:
        corner = corner + along * (grid.shape[2] - 1) * grid.spacing_mm[2]
    return [
        PlaneHeader(
            file_name=f"{short_name(*words, plane)}.dcm",
            sop_uid=dicom_uid(*words, plane),
            instance_number=int(numbers[plane]),
            position_mm=(float(corner[0]), float(corner[1]), float(z + scene.origin_mm[2])),
        )
        for plane, z in enumerate(grid.z_mm)
    ]


def _header(scene: Scene, storage: PixelStorage) -> SeriesHeader:
    patient, grid, style = scene.patient, scene.grid, scene.patient.style
    along, down = grid.directions
    along = -along if patient.orientation.flip_x else along
    return SeriesHeader(
        patient_id=patient.patient_id,
        sex=patient.body.sex,
        age_years=patient.body.age_years,
        study_uid=dicom_uid(patient.seed, "study", patient.number),
        series_uid=series_uid_of(patient),
        frame_uid=dicom_uid(patient.seed, "frame", patient.number),
        manufacturer=style.manufacturer,
        model=style.model,
        kernel=style.kernel,
        kvp=style.kvp,
        current_ma=style.current_ma,
        slice_thickness_mm=style.thickness_mm,
        reconstruction_diameter_mm=grid.shape[2] * grid.spacing_mm[2],
        patient_position=patient.orientation.patient_position,
        rows_direction=(float(along[0]), float(along[1]), float(along[2])),
        columns_direction=(float(down[0]), float(down[1]), float(down[2])),
        pixel_spacing_mm=(grid.spacing_mm[1], grid.spacing_mm[2]),
        description="lungml phantom (synthetic)",
        storage=storage,
    )


def _storage(style: ScannerStyle) -> PixelStorage:
    return PixelStorage(
        rescale_intercept=style.rescale_intercept,
        signed=style.signed,
        bits_stored=style.bits_stored,
        padding_stored=style.padding_stored,
        padding_declared=style.padding_declared,
    )


def _readings_xml(scene: Scene, planes: list[PlaneHeader]) -> str:
    patient = scene.patient
    references = [PlaneReference(plane.sop_uid, decimal_string(plane.position_mm[2])) for plane in planes]
    return read_message_xml(
        ReadMessage(
            message_uid=dicom_uid(patient.seed, "message", patient.number),
            study_uid=dicom_uid(patient.seed, "study", patient.number),
            series_uid=series_uid_of(patient),
            planes=references,
            readers=read_scene(scene),
            mirrored_columns=scene.grid.shape[2] if patient.orientation.flip_x else None,
        )
    )
