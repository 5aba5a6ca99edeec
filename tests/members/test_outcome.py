"""What is made of members' answers, on answers that are written here."""

from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from test_bundle import make_bundle
from written_answers import write_answers

from lungml.bundle import write_bundle
from lungml.files import write_json
from lungml.members.outcome import answering, estimate, histories, out_of_fold, repeats_apart, speeds
from lungml.members.training import bundle_folder, speed_file
from lungml.params.task import FinetuneParams
from lungml.tables import PREDICTIONS, SPLIT, read_table, write_table


def test_each_nodule_has_the_mean_answer_of_those_that_left_it_out(job):
    said = {("a", 0): 0.1, ("b", 0): 0.2, ("a", 1): 0.4, ("b", 1): 0.5}
    write_answers(job, lambda rows, plan: np.full(len(rows), said[plan.variant, plan.repeat]))

    found, alone = out_of_fold(job), out_of_fold(job, "b")

    split = read_table(job.split, SPLIT)
    assert found["nodule_id"].tolist() == split.loc[split["part"] != "test", "nodule_id"].tolist()
    assert np.stack(found["probabilities"]) == pytest.approx(np.tile([0.7, 0.3], (len(found), 1)))
    assert np.stack(alone["probabilities_tta"]) == pytest.approx(np.tile([0.65, 0.35], (len(alone), 1)))
    write_table(job.work / "all.parquet", found, PREDICTIONS)


def test_nodules_without_a_label_are_in_no_answer(job):
    split = read_table(job.split, SPLIT)
    write_table(
        job.split, split.assign(binary=split["binary"].where(split["nodule_id"] != "n001", -1)), SPLIT
    )
    write_answers(job, lambda rows, plan: np.full(len(rows), 0.5))

    assert "n001" not in set(out_of_fold(job)["nodule_id"])


def test_the_estimate_is_of_the_mean_answers(job):
    noise = np.random.default_rng(0)
    write_answers(job, lambda rows, plan: (rows["label"] + noise.uniform(0, 5, len(rows))) / 6)
    predicted = out_of_fold(job)

    found = estimate(predicted)

    expected = roc_auc_score(predicted["label"], np.stack(predicted["probabilities"])[:, 1])
    assert found["raw"]["auroc"]["value"] == pytest.approx(expected)
    assert found["raw"]["auroc"]["low"] < expected < found["raw"]["auroc"]["high"]


def test_repeats_are_judged_apart_with_their_standard_deviation(job):
    """The first repeat answers without error, the second the wrong way round."""

    def answers(rows, plan):
        right = 0.2 + 0.6 * rows["label"] + 0.1 * np.linspace(0, 1, len(rows))
        return right if plan.repeat == 0 else 1 - right

    write_answers(job, answers)

    found = repeats_apart(job)

    worst = estimate(out_of_fold(job, repeat=1))["raw"]["weighted_auprc"]["value"]
    assert found["values"] == [1.0, worst]
    assert worst < 0.6
    assert found["sd"] == pytest.approx((1.0 - worst) / np.sqrt(2))


def test_one_repeat_has_no_spread(job):
    write_answers(job, lambda rows, plan: np.full(len(rows), 0.5))
    once = FinetuneParams(fit="folds", repeats=1)

    assert repeats_apart(replace(job, finetune=once)) is None
    assert repeats_apart(replace(job, finetune=FinetuneParams(repeats=2))) is None


def write_members(job):
    """Write a bundle for each member; a member's epoch has a loss of 10 times its number, plus the epoch."""
    for plan in job.plans():
        records = [
            {
                "epoch": epoch,
                "phase": "head" if epoch == 1 else "schedule",
                "train_loss": 10.0 * plan.number + epoch,
                "val_loss": 10.0 * plan.number + epoch,
                "val_weighted_auprc": 0.5,
                "val_balanced_accuracy": 0.5,
            }
            for epoch in (1, 2, 3)
        ]
        history = asdict(plan) | {"fingerprint": "f", "kept_epoch": 3, "records": records}
        model = make_bundle()
        named = replace(model.members[0], weights=plan.name)
        write_bundle(bundle_folder(job, plan), replace(model, members=(named,), history=history))


def test_a_refit_answers_alone_and_its_curve_is_that_of_the_members_that_left_out_a_fold(job):
    write_members(job)

    members, trained = answering(job), histories(job)

    assert [member.weights for member in members] == [
        "a, repeat 1",
        "b, repeat 1",
        "a, repeat 2",
        "b, repeat 2",
    ]
    assert trained.members["fold"].tolist() == [0, 1, 2] * 4 + [-1] * 4
    assert trained.kept_epochs == {"a": 3, "b": 3}
    for variant, numbers in {"a": [0, 1, 2, 6, 7, 8], "b": [3, 4, 5, 9, 10, 11]}.items():
        curve = trained.curves[variant]
        assert curve["phase"].tolist() == ["head", "schedule", "schedule"]
        assert curve["val_loss"].tolist() == pytest.approx([10 * np.mean(numbers) + e for e in (1, 2, 3)])
    assert trained.table()["variant"].tolist() == ["a"] * 3 + ["b"] * 3


def test_folds_answer_all_together(job):
    folds = replace(job, finetune=FinetuneParams(fit="folds", repeats=2))
    write_members(folds)

    assert len(answering(folds)) == 12
    assert isinstance(histories(folds).members, pd.DataFrame)


def test_a_fit_of_the_train_part_has_no_answers_of_left_out_folds(job):
    assert out_of_fold(replace(job, finetune=FinetuneParams())) is None


def test_an_epoch_is_as_fast_as_its_members_on_average(job):
    for number, plan in enumerate(job.plans()[:2]):
        rows = [{"epoch": epoch, "images_per_s": 100.0 + 20 * number, "seconds": epoch} for epoch in (1, 2)]
        write_json(speed_file(job, plan), rows)  # the others' are not there, as of an older version

    found = speeds(job)

    assert [(each.name, each.step, each.value) for each in found] == [
        ("speed/images_per_second", 1, 110.0),
        ("speed/images_per_second", 2, 110.0),
        ("speed/epoch_seconds", 1, 1.0),
        ("speed/epoch_seconds", 2, 2.0),
    ]


def test_members_without_a_record_of_their_speed_have_none(job):
    assert speeds(job) == []
