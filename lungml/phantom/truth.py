"""The truth about a phantom cohort as tables: for tests and benchmarks, never read by the pipeline."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import numpy as np

from lungml.phantom.patient import Finding, Patient
from lungml.phantom.scene import Nodule, Scene


def nodule_rows(scene: Scene, series_uid: str) -> list[dict[str, Any]]:
    """One row per nodule of at least 3 mm: place (LPS, mm), attributes, latent, scores."""
    return [
        {
            "patient_id": scene.patient.patient_id,
            "series_uid": series_uid,
            "nodule": nodule.number,
            **_place(scene, nodule),
            **finding_row(nodule.finding),
        }
        for nodule in scene.nodules
    ]


def finding_row(finding: Finding) -> dict[str, Any]:
    """Attributes, latent and scores of a nodule, as values of a table."""
    looks = finding.attributes
    return {
        "diameter_mm": round(looks.diameter_mm, 4),
        "texture": looks.texture.value,
        "spiculation": round(looks.spiculation, 4),
        "lobulation": round(looks.lobulation, 4),
        "calcification": looks.calcification.value,
        "sharpness": round(looks.sharpness, 4),
        "elongation": round(looks.elongation, 4),
        "density_hu": round(looks.density_hu, 1),
        "latent": round(finding.latent, 6),
        "n_readers": len(finding.ratings),
        "scores": " ".join(str(rating.malignancy) for rating in finding.ratings),
    }


def patient_row(scene: Scene, series_uid: str) -> dict[str, Any]:
    """One row per patient: person, scanner style, orientation."""
    patient: Patient = scene.patient
    return {
        "patient_id": patient.patient_id,
        "series_uid": series_uid,
        "sex": patient.body.sex,
        "age_years": patient.body.age_years,
        "style": patient.style.name,
        "patient_position": patient.orientation.patient_position,
        "turn_degrees": round(patient.orientation.turn_degrees, 4),
        "blood_hu": round(patient.body.blood_hu, 1),
        "emphysema": round(patient.body.emphysema, 3),
        "nodules": len(patient.findings),
    }


def csv_text(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as CSV with a header, in the order given."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _place(scene: Scene, nodule: Nodule) -> dict[str, float]:
    position = nodule.centre_mm + scene.origin_mm
    index = scene.grid.index_of(nodule.centre_mm)
    return {
        **{f"{axis}_mm": round(float(value), 3) for axis, value in zip("xyz", position, strict=True)},
        **{
            f"{axis}_index": round(float(value), 3)
            for axis, value in zip("zyx", np.asarray(index), strict=True)
        },
    }
