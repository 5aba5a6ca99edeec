"""Leaks planted one by one into a clean cohort, and clean cohorts."""

import numpy as np
import pytest
from audit_cohort import make_cohort
from nodule_pictures import INTENSITY, RIGID, augmented, moved, resized

from lungml.terms import View


def patient_in_two_parts(cohort, rng):
    cohort.nodules.loc[cohort.row("test"), "patient_id"] = cohort.nodules["patient_id"][cohort.row("train")]
    cohort.nodules.loc[cohort.row("test"), "series_uid"] = cohort.nodules["series_uid"][cohort.row("train")]


def one_scan_under_two_patients(cohort, rng):
    sums = cohort.series.set_index("series_uid")["pixels_sha256"]
    first, second = (cohort.nodules["series_uid"][cohort.row(part)] for part in ("train", "test"))
    cohort.series.loc[cohort.series["series_uid"] == second, "pixels_sha256"] = sums[first]


def one_study_under_two_patients(cohort, rng):
    studies = cohort.series.set_index("series_uid")["study_uid"]
    first, second = (cohort.nodules["series_uid"][cohort.row(part)] for part in ("train", "val"))
    cohort.series.loc[cohort.series["series_uid"] == second, "study_uid"] = studies[first]


def one_series_under_two_patients(cohort, rng):
    uid = cohort.nodules["series_uid"][cohort.row("train")]
    cohort.nodules.loc[cohort.row("test"), ["series_uid", "plane"]] = [uid, 90]


def one_slice_with_two_nodules(cohort, rng):
    cohort.nodules.loc[cohort.row("test"), "sop_uid"] = cohort.nodules["sop_uid"][cohort.row("val")]


def neighbouring_planes(cohort, rng):
    row = cohort.row("train")
    near = [cohort.nodules["series_uid"][row], cohort.nodules["plane"][row] + 2]
    cohort.nodules.loc[cohort.row("test"), ["series_uid", "plane"]] = near


def slice_that_looks_like_a_neighbour(cohort, rng):
    image = cohort.images[View.SLICE][cohort.row("train")]
    near = moved(image, shift_px=(0.3, 0.2), fill="nearest") + rng.normal(0, 5, image.shape)
    cohort.images[View.SLICE][cohort.row("test")] = near


def mirrored_slice(cohort, rng):
    cohort.images[View.SLICE][cohort.row("test")] = cohort.images[View.SLICE][cohort.row("train")][:, ::-1]


def copied(change, view=View.NODULE):
    def plant(cohort, rng):
        images = cohort.images[view]
        copy = change(images[cohort.row("train", 1)], rng)
        images[cohort.row("test", 1)] = resized(copy, len(images[0])) if len(copy) != len(images[0]) else copy

    return plant


def augmented_by_its_id(cohort, rng):
    parent, child = cohort.row("train"), cohort.row("val")
    cohort.nodules.loc[child, "nodule_id"] = cohort.nodules["nodule_id"][parent] + "_aug2"


def augmented_by_its_file(cohort, rng):
    cohort.nodules.loc[cohort.row("test"), "path"] = "crops/pat12_nodule_flipped.nrrd"


def patient_in_two_folds(cohort, rng):
    several = cohort.nodules[cohort.nodules["part"] == "train"]
    rows = several.index[several["patient_id"].duplicated(keep=False)]
    cohort.nodules.loc[rows[0], "fold"] = (cohort.nodules["fold"][rows[0]] + 1) % 5


def fold_with_the_test_part(cohort, rng):
    cohort.nodules.loc[cohort.row("test"), "fold"] = 0


def label_of_another_policy(cohort, rng):
    cohort.nodules.loc[cohort.row("train"), "five"] = (cohort.nodules["five"][cohort.row("train")] + 1) % 5


def label_in_the_folder(cohort, rng):
    words = np.where(cohort.nodules["binary"] == 1, "malignant", "benign")
    cohort.nodules["path"] = [
        f"{word}/{path}" for word, path in zip(words, cohort.nodules["path"], strict=True)
    ]


def class_number_in_the_file_name(cohort, rng):
    five = cohort.nodules["five"] + 1
    cohort.nodules["path"] = [f"nodules/{rng.integers(10**6)}_c{value}.nrrd" for value in five]


def ids_in_the_order_of_labels(cohort, rng):
    place = np.argsort(np.argsort(cohort.nodules["five"], kind="stable"))
    cohort.nodules["nodule_id"] = [f"pat{number + 1}" for number in place]


def kernel_of_each_class(cohort, rng):
    share = cohort.nodules.groupby("series_uid")["binary"].mean()
    bad = share.index[share >= 0.5]
    cohort.series.loc[cohort.series["series_uid"].isin(bad), "kernel"] = "soft"


def size_of_the_file(cohort, rng):
    cohort.nodules["file_bytes"] += 40 * cohort.nodules["binary"] + rng.integers(0, 20, len(cohort.nodules))


def mark_in_the_corner(cohort, rng):
    cohort.images[View.NODULE][cohort.nodules["binary"] == 1, 1, -2] = 400


PLANTED = {
    "patient in two parts": (patient_in_two_parts, "LM-V001", "alarm"),
    "one scan under two patients": (one_scan_under_two_patients, "LM-V002", "alarm"),
    "one study under two patients": (one_study_under_two_patients, "LM-V003", "alarm"),
    "one series under two patients": (one_series_under_two_patients, "LM-V003", "alarm"),
    "one slice with two nodules": (one_slice_with_two_nodules, "LM-V004", "alarm"),
    "neighbouring planes": (neighbouring_planes, "LM-V005", "alarm"),
    "slice that looks like a neighbour": (slice_that_looks_like_a_neighbour, "LM-V006", "alarm"),
    "mirrored slice": (mirrored_slice, "LM-V006", "alarm"),
    "equal slice": (copied(INTENSITY["exact copy"], View.SLICE), "LM-V007", "alarm"),
    "exact copy": (copied(INTENSITY["exact copy"]), "LM-V007", "alarm"),
    "noisy copy": (copied(INTENSITY["noise of 20 HU"]), "LM-V008", "alarm"),
    "copy in another window": (copied(lambda image, _: np.clip(image, -950, 50)), "LM-V008", "alarm"),
    "resized copy": (copied(INTENSITY["half the size"]), "LM-V008", "alarm"),
    "shifted copy": (copied(RIGID["2 px shift"]), "LM-V008", "alarm"),
    "turned copy": (copied(RIGID["10 degrees"]), "LM-V008", "alarm"),
    "augmented copy": (copied(augmented), "LM-V008", "alarm"),
    "augmented by its id": (augmented_by_its_id, "LM-V009", "alarm"),
    "augmented by its file": (augmented_by_its_file, "LM-V009", "alarm"),
    "patient in two folds": (patient_in_two_folds, "LM-V010", "alarm"),
    "test part in a fold": (fold_with_the_test_part, "LM-V010", "alarm"),
    "label of another policy": (label_of_another_policy, "LM-V011", "alarm"),
    "label in the folder": (label_in_the_folder, "LM-V012", "warning"),
    "class number in the file name": (class_number_in_the_file_name, "LM-V012", "warning"),
    "ids in the order of labels": (ids_in_the_order_of_labels, "LM-V013", "warning"),
    "kernel of each class": (kernel_of_each_class, "LM-V014", "warning"),
    "size of the file": (size_of_the_file, "LM-V015", "warning"),
    "mark in the corner": (mark_in_the_corner, "LM-V016", "warning"),
}


@pytest.mark.parametrize("leak", PLANTED)
def test_a_planted_leak_is_found(leak):
    plant, code, level = PLANTED[leak]
    cohort = make_cohort(60 if level == "warning" else 24)  # an interval needs patients

    plant(cohort, np.random.default_rng(1))

    assert (code, level) in cohort.codes()


@pytest.mark.parametrize("leak", ["mark in the corner", "size of the file", "ids in the order of labels"])
def test_a_leak_that_one_nodule_lacks_is_found_all_the_same(leak):
    plant, code, level = PLANTED[leak]
    cohort = make_cohort(60)
    row = cohort.nodules.index[cohort.nodules["binary"] == 1][0]
    cohort.nodules.loc[row, ["binary", "five"]] = [0, 0]
    plant(cohort, np.random.default_rng(1))
    cohort.nodules.loc[row, ["binary", "five"]] = [1, 3]

    assert (code, level) in cohort.codes()


def test_a_clean_cohort_raises_neither_alarm_nor_warning():
    assert make_cohort().codes() == set()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_hundred_clean_cohorts_raise_neither_alarm_nor_warning():
    raised = {seed: make_cohort(24, seed).codes() for seed in range(1, 101)}

    assert {seed: codes for seed, codes in raised.items() if codes} == {}


def test_copies_inside_one_part_are_notes():
    cohort = make_cohort()
    rows = [cohort.row("train", number) for number in (0, 1)]
    cohort.images[View.NODULE][rows[1]] = cohort.images[View.NODULE][rows[0]]

    (note,) = cohort.findings()

    assert (note.code, note.level, note.parts) == ("LM-V007", "note", ("train",))
    assert note.nodules == tuple(sorted(cohort.nodules["nodule_id"][rows]))


def test_findings_name_nodules_and_hashed_series_but_no_patient():
    cohort = make_cohort()
    for plant, _, _ in PLANTED.values():
        plant(cohort, np.random.default_rng(1))

    texts = " ".join(f"{item.nodules} {item.found}" for item in cohort.findings())

    assert "nodule-" in texts or "pat" in texts
    assert "patient-0" not in texts
    assert "1.2.0" not in texts
