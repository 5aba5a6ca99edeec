"""All of the self-test, one outcome after the other."""

from __future__ import annotations

from collections.abc import Iterator

from lungml.params.data import PhantomParams
from lungml.selftest.cohort import Images, draw_images, first_patients
from lungml.selftest.controls import run_controls
from lungml.selftest.leaks import run_leaks
from lungml.selftest.outcome import Outcome
from lungml.selftest.process import run_process

PATIENTS = 240
"""So many are needed for the intervals of the control cohorts to tell, whatever the seed."""
LEAK_PATIENTS = 120
"""The first of them are enough to plant leaks in."""
SEED = 20250301


def self_test(patients: int = PATIENTS, seed: int = SEED) -> Iterator[Outcome]:
    """Control cohorts (V31), then the leaks that must be caught, those of tables and views first."""
    params = PhantomParams(patients=patients, seed=seed)
    images: Images = draw_images(params)
    yield from run_controls(params, images)
    cohort = first_patients(params, images, LEAK_PATIENTS)
    yield from run_leaks(cohort, seed)
    yield from run_process(cohort, seed)
