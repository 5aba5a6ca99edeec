import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from training_examples import RECIPE, make_classifier, make_data

from lungml.errors import ModelError
from lungml.params.model import RecipeParams
from lungml.training.data import draw_steps, load_batch
from lungml.training.gradients import Gradients, StepKey
from lungml.training.losses import LOSSES
from lungml.training.processes import Processes
from lungml.training.statistics import shared_statistics
from lungml.training.validation import DivergedError

KEY = StepKey(seed=3, epoch=0, step=0)


def make_batch(size=12, classes=2):
    data = make_data(classes=classes)
    steps = draw_steps(data.train, RECIPE, size, seed=3, epoch=0)
    return load_batch(data, RECIPE, steps[0], key=(3, 0, 0))


def plain_network():
    """Without batch norm and dropout, which look at a batch as a whole."""
    torch.manual_seed(4)
    return nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(196, 2))


def filled(network, batch, count, recipe=RECIPE, *, loss="cross-entropy", weights=None):
    def loss_of(logits, targets):
        return LOSSES[loss](logits, targets, weights)

    found = Gradients(network, loss_of, recipe).fill(batch, count, KEY)
    return (found.loss(), found.count), [parameter.grad.clone() for parameter in network.parameters()]


def length(gradients):
    return math.sqrt(sum(float(each.double().square().sum()) for each in gradients))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("count", [2, 3, 5, 99])
@pytest.mark.parametrize("weights", [None, torch.tensor([0.5, 2.0])])
def test_micro_batches_add_up_to_the_gradients_of_the_batch(loss, count, weights):
    batch = make_batch()

    (whole_loss, _), whole = filled(plain_network(), batch, 1, loss=loss, weights=weights)
    (sum_loss, _), summed = filled(plain_network(), batch, count, loss=loss, weights=weights)

    assert sum_loss == pytest.approx(whole_loss)
    for one, other in zip(summed, whole, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_a_longer_gradient_is_shortened_and_keeps_its_direction(share):
    _, free = filled(plain_network(), make_batch(), 1)
    longest = share * length(free)

    _, limited = filled(plain_network(), make_batch(), 1, RecipeParams(clip_norm=longest))

    assert length(limited) == pytest.approx(longest, rel=1e-4)
    for one, other in zip(limited, free, strict=True):
        assert torch.allclose(one, share * other, rtol=1e-3, atol=1e-8)


def test_a_shorter_gradient_stays_as_it_is():
    _, free = filled(plain_network(), make_batch(), 1)

    _, limited = filled(plain_network(), make_batch(), 1, RecipeParams(clip_norm=2 * length(free)))

    assert all(torch.equal(one, other) for one, other in zip(limited, free, strict=True))


def no_gpu_memory():
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def no_memory():
    torch.empty(10**15)


class Hungry(nn.Module):
    """Passes images on, and finds no memory for more than `most`, after the first layers have seen them."""

    def __init__(self, classifier, most, ask):
        super().__init__()
        self.classifier, self.most, self.ask = classifier, most, ask

    def forward(self, images):
        logits = self.classifier(images)
        if len(images) > self.most:
            self.ask()
        return logits


@pytest.mark.parametrize("ask", [no_gpu_memory, no_memory])
def test_without_memory_a_step_is_done_again_in_twice_as_many_micro_batches(ask, capsys):
    batch, hungry = make_batch(12), Hungry(make_classifier(), 3, ask)

    (loss, count), gradients = filled(hungry, batch, 1)

    modest = Hungry(make_classifier(), 12, ask)
    (expected_loss, _), expected = filled(modest, batch, 4)
    assert (loss, count) == (expected_loss, 4)
    assert all(torch.equal(one, other) for one, other in zip(gradients, expected, strict=True))
    statistics, wanted = (dict(network.named_buffers()) for network in (hungry, modest))
    assert all(torch.equal(value, wanted[name]) for name, value in statistics.items())
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[1] for line in lines] == [
        f"batches go through in {number} micro-batches from now on" for number in (2, 4)
    ]


def test_where_two_images_are_too_many_the_training_ends_with_what_to_do():
    with pytest.raises(
        ModelError, match=r"epoch 1, step 1, with 12 images in 4 micro-batches.*smaller backbone"
    ):
        filled(Hungry(make_classifier(), 1, no_memory), make_batch(12), 1)


def test_processes_that_wait_for_each_others_statistics_end_with_the_number_to_set():
    """The others are in the middle of a step, and cannot be asked to begin it again."""
    hungry, two = Hungry(make_classifier(), 3, no_memory), Processes(1, 2)
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    try:
        with (
            shared_statistics(hungry, two),
            pytest.raises(ModelError, match=r"in process 2 of 2, .*recipe\.accumulate to 2 or recipe\.norm_"),
        ):
            Gradients(hungry, cross_entropy, RECIPE, processes=two).fill(make_batch(12), 1, KEY)
    finally:
        torch.distributed.destroy_process_group()


def test_other_errors_are_not_taken_for_missing_memory():
    def fail():
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="cannot be multiplied"):
        filled(Hungry(make_classifier(), 1, fail), make_batch(12), 1)


class Root(nn.Module):
    """Logits whose values are numbers, but not their gradient: the root of 0."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2))

    def forward(self, images):
        return self.weight.sqrt() * torch.ones(len(images), 1)


def test_a_gradient_that_is_not_a_number_names_the_nodules_of_the_batch():
    batch = make_batch(12)

    with pytest.raises(
        DivergedError, match=r"the training gradient is (nan|inf) in epoch 1, step 1"
    ) as found:
        filled(Root(), batch, 1)

    assert ", ".join(batch.nodule_ids) in str(found.value)
