from dataclasses import replace

import numpy as np
import pytest
import torch
from unlabelled_images import PARAMS, make_unlabelled

from lungml.params.pretrain import JitterParams
from lungml.pretraining.pairs import count_steps, epoch_pairs

DATA = make_unlabelled(21)


def ids(epoch=0):
    return [batch.nodule_ids for batch in epoch_pairs(DATA, PARAMS, epoch=epoch)]


def test_an_epoch_shows_every_nodule_once_in_batches_of_nearly_one_size():
    batches = ids()

    assert sorted(nodule for batch in batches for nodule in batch) == sorted(DATA.nodule_ids)
    assert [len(batch) for batch in batches] == [7, 7, 7]
    assert len(batches) == count_steps(DATA, PARAMS)


def test_each_epoch_has_an_order_of_its_own():
    assert ids(0) != ids(1)
    assert ids(0) == ids(0)


def test_the_halves_of_a_batch_are_two_changes_of_the_same_nodules():
    """A mark at the centre, as bright as the nodule's number, is in both halves; the rest differs."""
    images = np.full((16, 1, 15, 15), -1000, np.int16)
    images[:, 0, 5:10, 5:10] = -900 + 70 * np.arange(16)[:, None, None]
    data = replace(DATA, nodule_ids=tuple(f"{number}" for number in range(16)), images_hu=images)
    jitter = JitterParams(shift_hu=3, stretch=0, noise_hu=1, blur_px=0)
    params = PARAMS.model_copy(update={"jitter": jitter})

    for batch in epoch_pairs(data, params, epoch=0):
        first, second = batch.images.chunk(2)
        marks = torch.stack([first, second])[:, :, 0, 7, 7]
        order = np.argsort([int(nodule) for nodule in batch.nodule_ids])
        assert (np.diff(marks[:, order].numpy(), axis=1) > 0).all()
        assert not torch.equal(first, second)


@pytest.mark.parametrize("first_step", [0, 1, 2])
def test_an_epoch_entered_later_goes_on_with_the_same_batches(first_step):
    whole = list(epoch_pairs(DATA, PARAMS, epoch=3))
    rest = list(epoch_pairs(DATA, PARAMS, epoch=3, first_step=first_step))

    assert [batch.nodule_ids for batch in rest] == [batch.nodule_ids for batch in whole[first_step:]]
    assert all(torch.equal(a.images, b.images) for a, b in zip(rest, whole[first_step:], strict=True))


def test_how_a_nodule_is_changed_does_not_depend_on_the_size_of_its_batch():
    larger = PARAMS.model_copy(update={"batch_size": 21})

    def image_of(params):
        for batch in epoch_pairs(DATA, params, epoch=0):
            if "n003" in batch.nodule_ids:
                return batch.images[batch.nodule_ids.index("n003")]
        raise AssertionError

    assert torch.equal(image_of(PARAMS), image_of(larger))
