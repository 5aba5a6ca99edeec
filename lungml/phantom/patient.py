"""Who is in the cohort and what readers say of their nodules: drawn without drawing a single pixel."""

from __future__ import annotations

from dataclasses import dataclass

from lungml.params.data import PhantomParams
from lungml.phantom.attributes import Attributes, draw_attributes
from lungml.phantom.body import Body, draw_body
from lungml.phantom.malignancy import latent
from lungml.phantom.scanners import Orientation, ScannerStyle, draw_orientation, draw_style
from lungml.phantom.scores import Rating, draw_ratings
from lungml.phantom.seeds import generator

_NODULE_COUNT_SHARES = (0.25, 0.30, 0.25, 0.20)


@dataclass(frozen=True)
class Finding:
    """One nodule of at least 3 mm: its looks, how malignant it looks (`latent`), and what readers scored."""

    attributes: Attributes
    latent: float
    ratings: tuple[Rating, ...]


@dataclass(frozen=True)
class Patient:
    """One patient: person, scanner and nodules. `number` counts from 1."""

    number: int
    patient_id: str
    seed: int
    body: Body
    style: ScannerStyle
    orientation: Orientation
    findings: tuple[Finding, ...]
    fingerprint: bool


def draw_patient(params: PhantomParams, number: int) -> Patient:
    """Draw patient `number` (1, 2, ...) of a cohort; the same whoever else is in it."""
    seed = params.seed
    scanner = generator(seed, "scanner", number)
    style, orientation = draw_style(scanner), draw_orientation(scanner)
    count = int(generator(seed, "count", number).choice(4, p=_NODULE_COUNT_SHARES)) + 1
    return Patient(
        number=number,
        patient_id=f"PHANTOM-{number:04d}",
        seed=seed,
        body=draw_body(generator(seed, "body", number)),
        style=style,
        orientation=orientation,
        findings=tuple(_draw_finding(params, number, nodule, style) for nodule in range(count)),
        fingerprint=params.cohort == "patient-fingerprint",
    )


def draw_patients(params: PhantomParams) -> tuple[Patient, ...]:
    """Draw all patients of a cohort."""
    return tuple(draw_patient(params, number) for number in range(1, params.patients + 1))


def _draw_finding(params: PhantomParams, patient: int, nodule: int, style: ScannerStyle) -> Finding:
    attributes = draw_attributes(generator(params.seed, "attributes", patient, nodule))
    looks = latent(
        attributes, params.cohort, seed=params.seed, patient=patient, nodule=nodule, scanner_bias=style.bias
    )
    ratings = draw_ratings(generator(params.seed, "ratings", patient, nodule), attributes, looks)
    return Finding(attributes, looks, ratings)
