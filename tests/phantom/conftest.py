"""Cohorts many tests look at, drawn once."""

import pytest

from lungml.params.data import PhantomParams
from lungml.phantom.cohort import write_cohort
from lungml.phantom.patient import draw_patient, draw_patients
from lungml.phantom.scene import place


@pytest.fixture(scope="session")
def many_patients():
    """Patients with about 2,000 nodules; no pixel is drawn."""
    return draw_patients(PhantomParams(patients=850))


@pytest.fixture(scope="session")
def one_scene():
    """The first patient of the default cohort, placed but not rendered."""
    return place(draw_patient(PhantomParams(), 1))


@pytest.fixture(scope="session")
def small_cohort(tmp_path_factory):
    """The first four patients of the default cohort on disk, written by one process."""
    folder = tmp_path_factory.mktemp("cohort")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LUNGML_WORKERS", "1")
        write_cohort(PhantomParams(patients=4), ct=folder / "ct", truth=folder / "truth")
    return folder
