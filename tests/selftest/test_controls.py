import numpy as np
import pytest

from lungml.params.data import PhantomParams
from lungml.selftest.cohort import draw_images, make_cohort
from lungml.selftest.controls import CONTROLS, MARK, QUESTIONS, Control, judge_control
from lungml.selftest.leaks import LEAKS, mark_in_the_corner
from lungml.selftest.process import WRONG, weights_that_know_lung_ct
from lungml.terms import View

PARAMS = PhantomParams(patients=40, cohort="no-signal")


@pytest.fixture(scope="module")
def images():
    return draw_images(PARAMS)


def test_the_six_controls_are_those_of_the_requirement():
    """validity.md, V31: noise, size, texture, fingerprint, scanner, corner pixel."""
    assert len(CONTROLS) == 6
    assert {control.rule for control in CONTROLS.values()} == {
        "no-signal", "size-only", "texture-only", "patient-fingerprint", "scanner-shortcut",
    }  # fmt: skip
    assert all(set(control.expected) <= set(QUESTIONS) for control in CONTROLS.values())


def test_every_one_of_the_eighteen_leaks_is_planted():
    names = [*LEAKS, *WRONG, weights_that_know_lung_ct().name]

    assert {int(name.split()[0]) for name in names} == set(range(1, 19))


def test_a_verdict_that_is_not_the_expected_one_is_bad(images):
    """The mark is planted, then expected and not expected; then expected where it is not."""
    clean = make_cohort(PARAMS, images)
    marked = clean.copy()
    mark_in_the_corner(marked, np.random.default_rng(0))

    def judged(cohort, told):
        return judge_control("corner", Control("a mark", "no-signal", {MARK: told}), cohort)

    assert judged(marked, True).ok
    assert not judged(marked, False).ok
    assert not judged(clean, True).ok
    assert judged(marked, False).found == MARK


def test_a_cohort_is_made_of_what_was_drawn_and_patients_stay_together(images):
    cohort = make_cohort(PARAMS, images)

    assert len(cohort.nodules) == len(cohort.ratings) == len(images[View.SLICE]) == len(images[View.NODULE])
    assert cohort.nodules.groupby("patient_id")["part"].nunique().max() == 1
    assert (cohort.nodules["part"] == "test").equals(cohort.nodules["fold"] == -1)


def test_changing_a_copy_leaves_the_cohort_alone(images):
    cohort = make_cohort(PARAMS, images)

    for leak in LEAKS.values():
        leak.plant(cohort.copy(), np.random.default_rng(0))

    again = make_cohort(PARAMS, images)
    assert cohort.nodules.equals(again.nodules)
    assert cohort.series.equals(again.series)
    assert np.array_equal(cohort.images[View.NODULE], again.images[View.NODULE])
