"""Leaks that the tables alone tell: who and what is in which part."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import pandas as pd

from lungml.checks.findings import Finding, Level, finding
from lungml.checks.material import Material
from lungml.params.audit import AuditParams
from lungml.quarantine import hashed_uid
from lungml.terms import Part

_AUGMENTED = re.compile(
    r"[_\-. ](aug|flip|mirror|rot|turn|copy|dup|mix|jitter|noise|noisy|shift|zoom|upsampl)[a-z]*[_\-. ]?\d*$",
    re.IGNORECASE,
)


def patients_in_parts(rows: pd.DataFrame) -> Iterator[Finding]:
    """A patient in several parts.

    Args:
        rows: columns nodule_id, part and patient_id.
    """
    for _, own in _divided(rows, "patient_id"):
        yield finding("LM-V001", Level.ALARM, own, f"one patient in {_parts(own)}")


def images_in_parts(rows: pd.DataFrame, series: pd.DataFrame) -> Iterator[Finding]:
    """The same image under different patients in several parts.

    Args:
        rows: columns nodule_id, part, patient_id and series_uid.
        series: columns series_uid and pixels_sha256.
    """
    images = rows.merge(series[["series_uid", "pixels_sha256"]], on="series_uid", validate="m:1")
    for _, own in _divided(images[images["pixels_sha256"] != ""], "pixels_sha256"):
        yield finding("LM-V002", Level.ALARM, own, f"series {_series(own)} in {_parts(own)}")


def patients(material: Material, _params: AuditParams) -> Iterator[Finding]:
    """Patients, by the table of nodules and by the table of series."""
    yield from patients_in_parts(material.nodules)


def images(material: Material, _params: AuditParams) -> Iterator[Finding]:
    """Images."""
    yield from images_in_parts(material.nodules, material.series)


def studies(material: Material, _params: AuditParams) -> Iterator[Finding]:
    """One study, or one series, under several patients: an alarm if they are in several parts."""
    known = material.series[["series_uid", "study_uid", "patient_id"]].rename(
        columns={"patient_id": "series_patient"}
    )
    rows = material.nodules.merge(known, on="series_uid", how="left", validate="m:1")
    for column in ("study_uid", "series_uid"):
        for uid, own in rows[rows[column].fillna("") != ""].groupby(column, sort=True):
            names = own["patient_id"].nunique() if column == "series_uid" else own["series_patient"].nunique()
            if names > 1:
                level = Level.ALARM if own["part"].nunique() > 1 else Level.NOTE
                what = "study" if column == "study_uid" else "series"
                found = f"{what} {hashed_uid(str(uid))} under {names} patients in {_parts(own)}"
                yield finding("LM-V003", level, own, found)


def slices(material: Material, _params: AuditParams) -> Iterator[Finding]:
    """One slice shown for nodules of several parts."""
    rows = material.nodules
    shown = rows["sop_uid"].where(rows["sop_uid"] != "", rows["path"] + " " + rows["plane"].astype(str))
    named = rows.assign(shown=shown)[(rows["sop_uid"] != "") | (rows["path"] != "")]
    for _, own in _divided(named[~named["path"].str.contains("#")], "shown"):
        yield finding("LM-V004", Level.ALARM, own, f"one slice in {_parts(own)}")


def neighbours(material: Material, params: AuditParams) -> Iterator[Finding]:
    """Planes of one series, near to each other, in several parts."""
    spacing_mm = material.series.drop_duplicates("series_uid").set_index("series_uid")["spacing_z_mm"]
    for uid, own in _divided(material.nodules, "series_uid"):
        ordered = own.sort_values("plane")
        gap_mm = ordered["plane"].diff() * spacing_mm.get(uid, float("nan"))
        across = (ordered["part"] != ordered["part"].shift()) & gap_mm.notna()
        nearest = gap_mm[across].min()
        if nearest <= params.neighbour_mm:
            found = f"planes {nearest:.4g} mm apart of series {hashed_uid(str(uid))} in {_parts(own)}"
            yield finding("LM-V005", Level.ALARM, own, found)


def augmented(material: Material, _params: AuditParams) -> Iterator[Finding]:
    """Images that are augmented by their name, outside train."""
    outside = material.nodules[material.nodules["part"] != Part.TRAIN]
    for _, row in outside.iterrows():
        names = (row["nodule_id"], PurePosixPath(row["path"].split("#")[0]).stem)
        if any(_AUGMENTED.search(name) for name in names):
            yield finding("LM-V009", Level.ALARM, row.to_frame().T, f"an augmented image in {row['part']}")


def folds(material: Material, _params: AuditParams) -> Iterator[Finding]:
    """Cross-validation that shares patients between folds, or takes in the test part."""
    rows = material.nodules
    inside = rows[rows["fold"] >= 0]
    for _, own in _divided(inside, "patient_id", "fold"):
        yield finding("LM-V010", Level.ALARM, own, f"one patient in {own['fold'].nunique()} folds")
    tested = inside[inside["part"] == Part.TEST]
    if len(tested):
        yield finding("LM-V010", Level.ALARM, tested, f"{len(tested)} nodules of test in a fold")


def policy(material: Material, _params: AuditParams) -> Iterator[Finding]:
    """Labels that are not those of the policy in force."""
    rows = material.nodules
    other = (rows["binary"] != rows["policy_binary"]) | (rows["five"] != rows["policy_five"])
    if other.any():
        found = f"{int(other.sum())} of {len(rows)} labels differ"
        yield finding("LM-V011", Level.ALARM, rows[other], found)


def _divided(rows: pd.DataFrame, column: str, by: str = "part") -> Iterator[tuple[object, pd.DataFrame]]:
    """Groups of rows that share `column` but not `by`."""
    for name, own in rows.groupby(column, sort=True):
        if own[by].nunique() > 1:
            yield name, own


def _parts(rows: pd.DataFrame) -> str:
    return " and ".join(sorted(set(rows["part"])))


def _series(rows: pd.DataFrame) -> str:
    return ", ".join(sorted(hashed_uid(uid) for uid in set(rows["series_uid"])))
