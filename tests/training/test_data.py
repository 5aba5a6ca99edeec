import numpy as np
import pandas as pd
import pytest
import torch
from training_examples import STILL, make_data, make_examples

from lungml.augment.balance import Showings
from lungml.errors import InputError, ParamsError
from lungml.imaging.intensity import normalise
from lungml.imaging.store import ViewStore
from lungml.params.model import AugmentParams, RecipeParams
from lungml.terms import Part, Target
from lungml.training.data import Batch, Share, draw_steps, load_batch, select_examples


def split_table(parts, binary):
    ids = [f"n{i}" for i in range(len(parts))]
    return pd.DataFrame(
        {"nodule_id": ids, "part": parts, "binary": binary, "five": 0, "scores": [[]] * len(ids)}
    )


def test_targets_lie_between_the_label_and_the_readers():
    split = split_table(["train"] * 3, [1, 0, 1]).assign(scores=[[4, 5, 3, 2], [1], []])
    train = select_examples(open_store(["n0", "n1", "n2"]), split, Target.BINARY, Part.TRAIN)
    rows = np.arange(3)

    assert train.targets(rows, 0.0).tolist() == [[0, 1], [1, 0], [0, 1]]
    assert train.targets(rows, 1.0).tolist() == [[0.5, 0.5], [1, 0], [0, 1]]
    assert train.targets(rows, 0.5).tolist() == [[0.25, 0.75], [1, 0], [0, 1]]


class Ledger:
    """Stands for the memory map of images, and notes which rows were read."""

    def __init__(self, count):
        self.read = []
        self.count = count

    def __getitem__(self, rows):
        self.read += np.asarray(rows).tolist()
        return np.zeros((len(rows), 1, 4, 4), np.int16) + np.asarray(rows)[:, None, None, None]


def open_store(ids):
    return ViewStore(Ledger(len(ids)), None, pd.DataFrame({"nodule_id": ids}), {})


def batches(recipe, batch_size=16, first_step=0):
    data = make_data()
    steps = draw_steps(data.train, recipe, batch_size, seed=1, epoch=0)
    return [load_batch(data, recipe, steps[step], key=(1, 0, step)) for step in range(first_step, len(steps))]


def images_of(batch):
    (images,) = batch.inputs
    return images


def test_only_pixels_of_the_asked_part_are_read():
    store = open_store(["n0", "n1", "n2", "n3", "n4", "n5"])
    split = split_table(["train", "test", "val", "train", "test", "train"], [0, 1, 0, 1, 0, 0])

    train = select_examples(store, split, Target.BINARY, Part.TRAIN)

    assert store.images_hu.read == [0, 3, 5]
    assert train.nodule_ids == ("n0", "n3", "n5")
    assert train.images_hu[:, 0, 0, 0].tolist() == [0, 3, 5]
    assert train.labels.tolist() == [0, 1, 0]
    assert train.classes == 2


def test_nodules_the_label_policy_left_out_are_not_read():
    store = open_store(["n0", "n1", "n2"])

    train = select_examples(store, split_table(["train"] * 3, [0, -1, 1]), Target.BINARY, Part.TRAIN)

    assert train.nodule_ids == ("n0", "n2")
    assert store.images_hu.read == [0, 2]


def test_a_part_of_one_class_is_refused_before_any_pixel_is_read():
    store = open_store(["n0", "n1"])

    with pytest.raises(InputError, match="val part holds 2 nodules of 1 class"):
        select_examples(store, split_table(["val", "val"], [1, 1]), Target.BINARY, Part.VAL)

    assert store.images_hu.read == []


def test_a_nodule_without_an_image_is_refused():
    with pytest.raises(InputError, match="n1"):
        select_examples(
            open_store(["n0"]), split_table(["train", "train"], [0, 1]), Target.BINARY, Part.TRAIN
        )


def test_an_epoch_shows_every_row_once_and_unchanged_if_nothing_is_asked_for():
    data = make_data()
    shown = batches(RecipeParams(imbalance="none", augment=STILL))

    ids = [nodule_id for batch in shown for nodule_id in batch.nodule_ids]
    images = torch.cat([images_of(batch) for batch in shown])
    labels = torch.cat([batch.targets for batch in shown]).argmax(dim=1)
    rows = [data.train.nodule_ids.index(nodule_id) for nodule_id in ids]
    assert sorted(rows) == list(range(40))
    assert rows != list(range(40))
    assert labels.tolist() == data.train.labels[rows].tolist()
    expected = normalise(torch.from_numpy(data.train.images_hu[rows]), data.normalisation)
    assert torch.allclose(images, expected, atol=1e-3)


def test_batches_differ_in_size_by_one_at_most():
    found = batches(RecipeParams(imbalance="none"), batch_size=12)

    assert [len(images_of(batch)) for batch in found] == [10, 10, 10, 10]
    assert [len(batch) for batch in found] == [10, 10, 10, 10]


def test_no_step_shows_one_image_alone():
    odd = make_examples("train", 41)

    steps = draw_steps(odd, RecipeParams(imbalance="none"), 2, seed=1, epoch=0)

    assert sorted(len(shown.rows) for shown in steps) == [2] * 19 + [3]


@pytest.mark.parametrize(("count", "sizes"), [(1, [10]), (3, [3, 3, 4]), (4, [2, 3, 2, 3]), (25, [2] * 5)])
def test_a_batch_comes_apart_into_even_micro_batches_in_its_order(count, sizes):
    batch = batches(RecipeParams(imbalance="none"), batch_size=12)[0]

    pieces = list(batch.micro_batches(count))

    assert sorted(map(len, pieces)) == sorted(sizes)
    assert torch.equal(torch.cat([images_of(piece) for piece in pieces]), images_of(batch))
    assert torch.equal(torch.cat([piece.targets for piece in pieces]), batch.targets)
    assert sum((piece.nodule_ids for piece in pieces), ()) == batch.nodule_ids


def test_upsampling_shows_both_classes_equally_often():
    targets = torch.cat([batch.targets for batch in batches(RecipeParams(imbalance="upsample"))])

    assert targets.sum(dim=0).tolist() == [30.0, 30.0]


def test_an_epoch_that_goes_on_has_the_batches_it_would_have_had():
    recipe = RecipeParams(augment=AugmentParams(mixup_alpha=0.4))

    whole, rest = batches(recipe), batches(recipe, first_step=2)

    assert len(rest) == len(whole) - 2
    for late, batch in zip(rest, whole[2:], strict=True):
        assert torch.equal(images_of(late), images_of(batch))
        assert torch.equal(late.targets, batch.targets)
        assert late.nodule_ids == batch.nodule_ids


def test_an_example_looks_the_same_whatever_the_batch_size():
    recipe = RecipeParams(imbalance="none")
    looks = [
        {
            nodule_id: image
            for batch in batches(recipe, batch_size)
            for nodule_id, image in zip(batch.nodule_ids, images_of(batch), strict=True)
        }
        for batch_size in (5, 16)
    ]

    assert all(torch.equal(image, looks[1][nodule_id]) for nodule_id, image in looks[0].items())


def test_class_weights_are_for_the_strategy_that_wants_them():
    data = make_data()

    assert data.class_weights(RecipeParams(imbalance="upsample")) is None
    weights = data.class_weights(RecipeParams(imbalance="class-weights"))
    assert weights.tolist() == pytest.approx([40 / 60, 40 / 20])


def test_counts_of_other_classes_than_the_tasks_are_refused():
    with pytest.raises(ParamsError, match=r"upsample_counts has 5 number\(s\), and the task 2 classes"):
        batches(RecipeParams(upsample_counts=(9, 9, 9, 9, 9)))


def test_classes_are_lifted_to_the_chosen_counts():
    targets = torch.cat([batch.targets for batch in batches(RecipeParams(upsample_counts=(40, 50)))])

    assert targets.sum(dim=0).tolist() == [40.0, 50.0]


@pytest.mark.parametrize("of", [1, 2, 3, 4])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_shares_of_all_processes_make_up_each_micro_batch(of, count):
    size = 14
    whole = Batch((torch.arange(size),), torch.arange(size), tuple(f"n{i}" for i in range(size)))
    shares = [list(whole.part(Share(rank, of)).micro_batches(count)) for rank in range(of)]

    for number, micro in enumerate(whole.micro_batches(count)):
        parts = [share[number] for share in shares]
        assert torch.equal(torch.cat([part.inputs[0] for part in parts]).sort().values, micro.inputs[0])
        assert all(torch.equal(part.inputs[0], part.targets) for part in parts)
        assert {part.nodule_ids for part in parts} == {micro.nodule_ids}
        sizes = [len(part.targets) for part in parts]
        assert max(sizes) - min(sizes) <= 1


def test_a_share_of_the_showings_is_that_of_the_batch():
    shown = Showings(np.arange(7), np.arange(7) % 2)
    own = Share(1, 3).part(shown)

    assert own.rows.tolist() == [1, 4]
    assert own.copies.tolist() == [1, 0]
