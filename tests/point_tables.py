"""Tables of points over a body with one ball, and what the index makes of them."""

import csv

import numpy as np
from ct_files import ORIGIN_MM, SPACING_MM, body_hu

from lungml.params.data import ConsensusParams, CtParams
from lungml.quarantine import read_findings
from lungml.stages import index
from lungml.tables import CONTOURS, NODULES, READINGS, SERIES, SLICES, read_table

SHAPE = (12, 30, 32)
CENTRE = (5, 14, 17)
"""(z, y, x) of the nodule in the canonical volume."""
X_MM, Y_MM, Z_MM = (
    origin + index * step
    for origin, index, step in zip(ORIGIN_MM, CENTRE[::-1], SPACING_MM[::-1], strict=True)
)
UID = "1.2.9"


def with_ball(diameter_mm=6.0, seed=0):
    """The body with a ball of 100 HU around CENTRE."""
    hu = body_hu(SHAPE, seed)
    steps = (np.indices(SHAPE) - np.reshape(CENTRE, (3, 1, 1, 1))) * np.reshape(SPACING_MM, (3, 1, 1, 1))
    hu[np.linalg.norm(steps, axis=0) < diameter_mm / 2] = 100
    return hu


def write_points(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def point(**changes):
    return {"series_uid": UID, "x_mm": X_MM, "y_mm": Y_MM, "z_mm": Z_MM, "diameter_mm": 6.0} | changes


def indexed(root):
    index.run(CtParams(), ConsensusParams(), raw=root / "raw", out=root / "index")
    tables = (SERIES, SLICES, READINGS, CONTOURS, NODULES)
    return {table.name: read_table(root / "index" / f"{table.name}.parquet", table) for table in tables}


def codes(root):
    return sorted(item.code for item in read_findings(root / "index" / "quarantine.jsonl"))


def found(root, code):
    findings = read_findings(root / "index" / "quarantine.jsonl")
    return [item.found for item in findings if item.code == code]
