from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from training_examples import write_split

from lungml.bundle import Bundle
from lungml.members.plan import Job, MemberPlan, divide, plan_members
from lungml.params.data import LabelParams, ViewsParams
from lungml.params.model import WeightsParams
from lungml.params.task import FinetuneParams
from lungml.tables import SPLIT, read_table
from lungml.terms import Task


def job_of(folder, **finetune):
    blank = Bundle((), Task.NODULE_BINARY, 1, ViewsParams(), LabelParams(), {}, {}, {})
    return Job(
        blank, {}, FinetuneParams(**finetune), WeightsParams(), 3, Path(), write_split(folder), folder, "f"
    )


def plans(**finetune):
    made = plan_members(FinetuneParams(**finetune), ["a", "b"], 3)
    assert [plan.number for plan in made] == list(range(len(made)))
    return [(plan.variant, plan.repeat, plan.fold) for plan in made]


def test_folds_are_members_of_every_variant_repeat_and_fold():
    assert plans(fit="folds", repeats=2) == [
        (variant, repeat, fold) for repeat in (0, 1) for variant in "ab" for fold in (0, 1, 2)
    ]


def test_a_refit_has_the_same_members_for_the_estimate_and_then_its_own():
    found = plans(fit="refit", repeats=2)

    assert found[:-4] == plans(fit="folds", repeats=2)
    assert found[-4:] == [("a", 0, None), ("b", 0, None), ("a", 1, None), ("b", 1, None)]


def test_a_fit_of_the_train_part_leaves_out_no_fold():
    assert plans(fit="train", repeats=2) == plans(fit="refit", repeats=2)[-4:]


@pytest.mark.parametrize("repeat", [0, 1, 2])
def test_every_nodule_of_train_and_validation_is_left_out_once_and_never_trained_on_then(tmp_path, repeat):
    job = job_of(tmp_path, fit="folds", repeats=3)
    split = read_table(job.split, SPLIT)

    divisions = [divide(split, MemberPlan(0, "", repeat, fold), job) for fold in range(3)]

    judged = pd.concat([division.judged for division in divisions])
    assert sorted(judged["nodule_id"]) == sorted(split.loc[split["part"] != "test", "nodule_id"])
    for division in divisions:
        assert not set(division.train["patient_id"]) & set(division.judged["patient_id"])
        assert len(division.train) + len(division.judged) == len(judged)


def test_the_first_repeat_has_the_folds_of_the_table_and_the_others_have_others(tmp_path):
    job = job_of(tmp_path, fit="folds", repeats=3)
    split = read_table(job.split, SPLIT)

    left_out = [
        [
            frozenset(divide(split, MemberPlan(0, "", repeat, fold), job).judged["patient_id"])
            for fold in range(3)
        ]
        for repeat in range(3)
    ]

    own = split[split["fold"] >= 0].groupby("fold")["patient_id"].agg(frozenset)
    assert left_out[0] == own.tolist()
    assert len(set(map(frozenset, left_out))) == 3


def test_a_fit_of_the_train_part_is_judged_on_validation(tmp_path):
    job = job_of(tmp_path, fit="train")

    division = divide(read_table(job.split, SPLIT), MemberPlan(0, "", 0, None), job)

    assert (set(division.train["part"]), set(division.judged["part"])) == ({"train"}, {"val"})


def test_a_refit_is_trained_on_all_but_test(tmp_path):
    job = job_of(tmp_path, fit="refit")
    split = read_table(job.split, SPLIT)

    division = divide(split, MemberPlan(0, "", 0, None), job)

    assert division.train["nodule_id"].tolist() == split.loc[split["part"] != "test", "nodule_id"].tolist()
    assert division.judged is division.train


def test_nodules_that_a_person_excluded_are_in_no_fold(tmp_path):
    job = job_of(tmp_path, fit="folds", repeats=2)
    split = read_table(job.split, SPLIT)
    out = np.arange(len(split)) == 4
    split = split.assign(part=split["part"].where(~out, "excluded"), fold=split["fold"].where(~out, -1))

    for repeat in (0, 1):
        division = divide(split, MemberPlan(0, "", repeat, 1), job)
        assert "n004" not in {*division.train["nodule_id"], *division.judged["nodule_id"]}


def test_a_plan_is_told_in_words_that_count_from_one():
    assert MemberPlan(0, "narrow", 1, 2).name == "narrow, repeat 2, without fold 3"
    assert MemberPlan(0, "as tuned", 0, None).name == "as tuned, repeat 1"
