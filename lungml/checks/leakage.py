"""The audit for leakage: what must hold before anything is trained, and the cheap part of it for a split."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pandas as pd

from lungml.checks import labels_audit, tables_audit, views_audit
from lungml.checks.findings import Finding, Level, accept, sentences
from lungml.checks.material import Material
from lungml.errors import InputError
from lungml.params.audit import AuditParams

AUDITS: dict[str, Callable[[Material, AuditParams], Iterable[Finding]]] = {
    "patients": tables_audit.patients,
    "images": tables_audit.images,
    "studies": tables_audit.studies,
    "slices": tables_audit.slices,
    "neighbours": tables_audit.neighbours,
    "copies": views_audit.copies,
    "augmented": tables_audit.augmented,
    "folds": tables_audit.folds,
    "policy": tables_audit.policy,
    "names": labels_audit.names,
    "order": labels_audit.order,
    "headers": labels_audit.headers,
    "sizes": labels_audit.sizes,
    "marks": views_audit.marks,
}
"""Name of an audit -> what it finds. Codes are explained in `lungml.faults`."""


def audit(material: Material, params: AuditParams) -> list[Finding]:
    """Every finding of every audit, in a fixed order, with the accepted ones marked."""
    found = [finding for look in AUDITS.values() for finding in look(material, params)]
    return sorted(accept(found, params.accepted), key=lambda item: (item.code, item.nodules, item.found))


def check_split(split: pd.DataFrame, series: pd.DataFrame) -> None:
    """Refuse a split that lets a model see in training what it is judged on.

    Args:
        split: columns nodule_id, patient_id, part, series_uid.
        series: columns series_uid, pixels_sha256.

    Raises:
        InputError: LM-V001, a patient is in two parts; LM-V002, the same image is in two parts.
    """
    for found in (tables_audit.patients_in_parts(split), tables_audit.images_in_parts(split, series)):
        alarms = sentences(found, Level.ALARM)
        if alarms:
            raise InputError("\n".join(alarms))
