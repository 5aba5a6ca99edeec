"""A small, correct index (tables series, readings, nodules), to plant faults in."""

import hashlib

import numpy as np
import pandas as pd

from lungml.checks.frames import IndexTables
from lungml.tables import CROPS, NODULES, READINGS, SERIES, write_table

SHARES = [0.10, 0.19, 0.46, 0.18, 0.07]


def make_index(patients=40, seed=0):
    """One series per patient, one to four nodules each, three readers per nodule."""
    rng = np.random.default_rng(seed)
    series = pd.DataFrame([series_row(number, rng) for number in range(patients)])
    nodules, readings = [], []
    for row in series.itertuples():
        for _ in range(rng.integers(1, 5)):
            nodule, marks = nodule_rows(row, len(nodules), rng)
            nodules.append(nodule)
            readings += marks
    return IndexTables(series, pd.DataFrame(readings), pd.DataFrame(nodules), no_crops())


def write_index(folder, tables):
    for table in (SERIES, READINGS, NODULES, CROPS):
        write_table(folder / f"{table.name}.parquet", getattr(tables, table.name), table)


def no_crops():
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, (kind, _) in CROPS.columns.items()})


def series_row(number, rng):
    return {
        "series_uid": f"1.2.{number:04}",
        "study_uid": f"1.3.{number:04}",
        "patient_id": f"patient-{number:04}",
        "form": "volume",
        "n_slices": 100,
        "rows": 256,
        "columns": 256,
        "spacing_z_mm": 2.5,
        "spacing_y_mm": 0.7,
        "spacing_x_mm": 0.7,
        "slice_thickness_mm": 2.5,
        "manufacturer": "Maker A",
        "model": "M1",
        "kernel": "sharp",
        "kvp": 120.0,
        "sex": "F",
        "age_years": float(rng.integers(40, 80)),
        "hu_min": -1024.0,
        "hu_p01": -1000.0,
        "hu_p50": -700.0,
        "hu_p99": 300.0,
        "hu_max": 1500.0,
        "air_mode_hu": -998.0,
        "lung_mode_hu": -850.0,
        "tissue_mode_hu": 40.0,
        "padding_fraction": 0.2,
        "pixels_sha256": hashlib.sha256(f"image {number}".encode()).hexdigest(),
    }


def nodule_rows(series, number, rng):
    nodule_id = f"nodule-{number:05}"
    latent = 1 + rng.choice(5, p=SHARES)
    scores = np.clip(latent + rng.choice([-1, 0, 0, 0, 0, 0, 1], size=3), 1, 5)
    diameter = float(rng.uniform(4, 25))
    centre = {"z_index": 50.0, "y_index": 120.0, "x_index": 100.0}
    nodule = {
        "nodule_id": nodule_id,
        "series_uid": series.series_uid,
        "patient_id": series.patient_id,
        "n_readers": 3,
        "scores": sorted(int(score) for score in scores),
        "label": -1,
        "diameter_mm": diameter,
        "volume_mm3": diameter**3 / 2,
        **centre,
        "largest_z_index": 50,
        "ambiguous": False,
        "crop_path": "",
    }
    ratings = ["subtlety", "sphericity", "margin", "lobulation", "spiculation", "texture"]
    marks = [
        {
            "reading_id": f"{nodule_id}-{reader}",
            "series_uid": series.series_uid,
            "patient_id": series.patient_id,
            "nodule_id": nodule_id,
            "reader": reader,
            "kind": "nodule",
            "malignancy": int(score),
            **dict.fromkeys(ratings, 3),
            "calcification": 6,
            "internal_structure": 1,
            "diameter_mm": diameter,
            **centre,
        }
        for reader, score in enumerate(scores)
    ]
    return nodule, marks
