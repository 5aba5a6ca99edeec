"""Which weights a member carries and when it is trained, on records that are written here."""

from dataclasses import replace

import pytest
from test_bundle import make_bundle
from training_examples import make_settings, write_split

from lungml.bundle import Bundle, write_bundle
from lungml.errors import MissingInputError
from lungml.members.plan import Job
from lungml.members.training import bundle_folder, kept_epoch, left_out_table, train_member
from lungml.params.data import LabelParams, ViewsParams
from lungml.params.model import WeightsParams
from lungml.params.task import FinetuneParams
from lungml.terms import Task
from lungml.training.state import EpochRecord


def record(epoch, auprc, loss):
    return EpochRecord(
        epoch=epoch, phase="schedule", train_loss=0.0, val_loss=loss, val_weighted_auprc=auprc,
        val_balanced_accuracy=0.5, learning_rate=0.1, trainable_share=1.0, images_per_s=1.0, seconds=1.0,
    )  # fmt: skip


@pytest.fixture
def job(tmp_path):
    """Three members of one fold each; there are no views to train on."""
    blank = Bundle((), Task.NODULE_BINARY, 1, ViewsParams(), LabelParams(), {}, {}, {})
    finetune = FinetuneParams(fit="folds")
    places = tmp_path / "views", write_split(tmp_path), tmp_path / "work"
    return Job(blank, {"a": None}, finetune, WeightsParams(), 3, *places, "f")


@pytest.mark.parametrize(
    ("epochs", "best"),
    [
        ([(0.5, 0.9), (0.7, 0.8), (0.6, 0.1)], 2),  # the larger area, whatever the loss
        ([(0.7, 0.9), (0.7, 0.4), (0.7, 0.6)], 2),  # of equal areas the lower loss
        ([(0.7, 0.4), (0.7, 0.4)], 1),  # of equal epochs the first
    ],
)
def test_the_best_epoch_has_the_largest_area_and_of_equal_ones_the_lowest_loss(epochs, best):
    records = [record(number, *values) for number, values in enumerate(epochs, start=1)]

    assert kept_epoch(records, make_settings(keep="best")) == best


def test_a_member_that_may_not_choose_carries_its_last_epoch():
    records = [record(1, 0.9, 0.1), record(2, 0.5, 0.9)]

    assert kept_epoch(records, make_settings(keep="last")) == 2


def test_no_two_members_share_a_place(job):
    places = [place(job, plan) for plan in job.plans() for place in (bundle_folder, left_out_table)]

    assert len(set(places)) == 2 * 3


def test_a_member_of_the_same_run_is_not_trained_again_and_one_of_another_run_is(job):
    plan = job.plans()[0]
    kept = replace(make_bundle(), history={"fingerprint": "f"})
    write_bundle(bundle_folder(job, plan), kept)

    train_member(job, plan)  # it would need the views

    with pytest.raises(MissingInputError, match="views"):
        train_member(replace(job, fingerprint="another"), plan)
