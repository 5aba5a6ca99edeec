"""Sentences of the report that say what a number shows and what it does not."""

import pytest

from lungml.report import wording
from lungml.terms import Task


def compared(value, low, high):
    return {"n": 90, "model_minus_diameter": {"weighted_auprc": {"value": value, "low": low, "high": high}}}


@pytest.mark.parametrize(
    ("difference", "sentence"),
    [
        ((0.021, 0.004, 0.039), "Beats diameter alone by 0.021 (0.004 to 0.039)."),
        ((-0.05, -0.08, -0.02), "Worse than diameter alone by 0.050 (0.020 to 0.080)."),
        ((0.021, -0.004, 0.046), "No difference from diameter alone shown: +0.021 (−0.004 to +0.046)."),
        ((0.0, 0.0, 0.0), "No difference from diameter alone shown: +0.000 (+0.000 to +0.000)."),
        ((0.3, None, None), "Too few patients to compare with diameter alone."),
    ],
)
def test_a_difference_is_called_one_only_if_its_interval_excludes_zero(difference, sentence):
    assert wording.verdict(compared(*difference)) == sentence


@pytest.mark.parametrize(
    ("known", "words"), [(0, "No diameter is known"), (60, "A diameter is known of 60 of 90 nodules.")]
)
def test_where_diameters_are_missing_the_verdict_says_so(known, words):
    metrics = compared(0.1, 0.05, 0.2) | {"with_diameter": known}

    assert words in wording.verdict(metrics)
    assert ("Beats" in wording.verdict(metrics)) == bool(known)


@pytest.mark.parametrize(
    ("low", "high", "sentence"),
    [(0.7, 0.9, "Above chance."), (0.6, 0.9, "Not shown to be above chance."), (0.1, 0.2, "Below chance.")],
)
def test_above_chance_needs_the_lower_end_above_it(low, high, sentence):
    raw = {"weighted_auprc": {"value": (low + high) / 2, "low": low, "high": high, "chance": 0.634}}

    assert wording.beats_chance({"raw": raw}) == sentence


SOUND = {
    "phantom": False,
    "weights": ["pretrained"],
    "permuted": False,
    "checks_hold": True,
    "patients_inferred": False,
    "reopened": False,
}


def test_a_test_part_opened_again_without_a_reason_is_told_before_any_number():
    (first, last) = wording.warnings(**SOUND | {"reopened": True})

    assert first == wording.REOPENED
    assert "best is better by luck alone" in first
    assert last == wording.RATING


def test_warnings_name_only_what_holds_and_always_what_is_predicted():
    real = wording.warnings(**SOUND)
    demo = wording.warnings(**{**SOUND, "phantom": True, "weights": ["random", "pretrained"]})

    assert real == [wording.RATING]
    assert demo == [wording.PHANTOM, wording.RANDOM, wording.RATING]


def test_the_gravest_warning_comes_first():
    said = wording.warnings(**{**SOUND, "phantom": True, "permuted": True, "checks_hold": False})

    assert said[:2] == [wording.FAILED_CHECKS, wording.PERMUTED]


def test_inferred_patients_are_told_before_anything_else():
    said = wording.warnings(**{**SOUND, "checks_hold": False, "patients_inferred": True})

    assert said[0] == wording.INFERRED


def test_every_task_has_another_name():
    assert len({wording.task_name(task) for task in Task}) == len(Task)


def test_what_a_model_of_folds_reaches_out_of_fold_is_said_beside_the_diameter():
    def row(value, low, high):
        return {"weighted_auprc": {"value": value, "low": low, "high": high}}

    found = {"n": 1711, "patients": 546, "raw": row(0.93, 0.91, 0.95), "tta": row(0.94, 0.92, 0.96)}
    found |= {"raw_minus_diameter": row(0.005, -0.006, 0.016), "tta_minus_diameter": row(0.02, 0.01, 0.03)}

    assert wording.cross_validation(None) == ""
    assert wording.cross_validation(found) == (
        "Cross-validated on 1711 nodules of 546 patients of train and validation, each by members that saw "
        "nothing of its patient: weighted AUPRC 0.930 (0.910 to 0.950). No difference from diameter alone "
        f"shown: +0.005 ({wording.MINUS}0.006 to +0.016). With test-time views 0.940 (0.920 to 0.960). Beats "
        "diameter alone by 0.020 (0.010 to 0.030)."
    )


@pytest.mark.parametrize(
    ("known", "words"), [(0, "No diameter is known"), (600, "A diameter is known of 600 of 1711 nodules.")]
)
def test_out_of_fold_too_a_diameter_that_is_not_known_is_beaten_by_none(known, words):
    better = {"weighted_auprc": {"value": 0.1, "low": 0.05, "high": 0.2}}
    parts = ("raw", "tta", "raw_minus_diameter", "tta_minus_diameter")
    found = {"n": 1711, "patients": 546, "with_diameter": known} | dict.fromkeys(parts, better)

    said = wording.cross_validation(found)

    assert words in said
    assert ("Beats" in said) == bool(known)
