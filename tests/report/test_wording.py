import pytest

from lungml.report import wording
from lungml.report.notes import explain_note, registration, training_note, tuning_note
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


def test_a_model_that_could_not_be_sent_is_not_called_registered():
    pending = {"registered_model": "lungml-slice-five", "version": None, "aliases": []}

    assert "Not in the registry yet" in registration(pending)
    assert "lungml sync" in registration(pending)


def test_what_was_not_done_is_said_with_the_command_that_does_it():
    assert tuning_note(None) == "No hyper-parameters were searched; `dvc repro tune` does it."


def test_every_task_has_another_name():
    assert len({wording.task_name(task) for task in Task}) == len(Task)


def test_the_training_says_which_epoch_was_kept_and_how_good_it_was():
    record = {"task": "nodule-five", "epochs": 12, "best_epoch": 9, "weighted_auprc": 0.5, "val_loss": 1.25}

    assert training_note(record) == (
        "Epoch 9 of 12 was kept: weighted AUPRC 0.500 on validation; val loss 1.25."
    )


@pytest.mark.parametrize(
    ("fit", "how"), [("folds", "one fold left out each"), ("refit", "all of train and validation")]
)
def test_the_training_of_members_says_what_they_were_worth_on_nodules_they_did_not_see(fit, how):
    headline = {"value": 0.7, "low": 0.61, "high": 0.77}
    record = {"task": "nodule-five", "fit": fit, "members": 4, "folds": 5, "epochs": 12, "best_epoch": 12}
    record |= {"weighted_auprc": 0.6, "cross_validated": {"raw": {"weighted_auprc": headline}}, "repeats": 2}

    assert training_note(record) == (
        f"4 members trained for 12 epochs with {how} answer together. Cross-validated by patient in 5 folds, "
        "weighted AUPRC is 0.700 (0.610 to 0.770); repeats 2."
    )
    apart = training_note(record | {"repeats_apart": {"values": [0.71, 0.69], "sd": 0.0141}})
    assert apart.endswith(
        "; repeats 2. One of the 2 repeats alone, each with other seeds and folds, reaches 0.690 to 0.710 "
        "(standard deviation 0.014)."
    )


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


def test_maps_that_fail_a_check_are_called_not_trustworthy_with_the_reason():
    summary = {"n": 70, "energy_in_mask": 0.41, "area_share": 0.083, "pointing": 0.66}

    failed = explain_note({"summary": summary, "trust": {"trusted": False, "reasons": ["they never change"]}})

    assert "41% of a map lies in the nodule" in failed
    assert "Not trustworthy: they never change." in failed
    open_ = explain_note({"summary": summary, "trust": {"trusted": None, "reasons": ["too few images"]}})
    assert "Not shown to be trustworthy: too few images." in open_
    good = explain_note({"summary": summary, "trust": {"trusted": True, "reasons": []}})
    assert "trustworthy" not in good.lower()
