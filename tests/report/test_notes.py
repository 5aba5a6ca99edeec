"""What each stage found out, as a sentence made from its record."""

import pytest

from lungml.report.notes import explain_note, registration, training_note, tuning_note


def test_a_model_that_could_not_be_sent_is_not_called_registered():
    pending = {"registered_model": "lungml-slice-five", "version": None, "aliases": []}

    assert "Not in the registry yet" in registration(pending)
    assert "lungml sync" in registration(pending)


def test_what_was_not_done_is_said_with_the_command_that_does_it():
    assert tuning_note(None) == "No hyper-parameters were searched; `dvc repro tune` does it."


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


def test_maps_that_fail_a_check_are_called_not_trustworthy_with_the_reason():
    summary = {"n": 70, "energy_in_mask": 0.41, "area_share": 0.083, "pointing": 0.66}

    failed = explain_note({"summary": summary, "trust": {"trusted": False, "reasons": ["they never change"]}})

    assert "41% of a map lies in the nodule" in failed
    assert "Not trustworthy: they never change." in failed
    open_ = explain_note({"summary": summary, "trust": {"trusted": None, "reasons": ["too few images"]}})
    assert "Not shown to be trustworthy: too few images." in open_
    good = explain_note({"summary": summary, "trust": {"trusted": True, "reasons": []}})
    assert "trustworthy" not in good.lower()
