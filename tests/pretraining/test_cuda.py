"""A pretraining on a GPU beside the same one on the processor; nothing here runs where there is no GPU."""

import itertools

import pytest
import torch
from training_examples import TinyBackbone
from unlabelled_images import PARAMS, make_unlabelled

from lungml.errors import InterruptedRunError
from lungml.models.precision import Engine
from lungml.pretraining.loop import pretrain
from lungml.pretraining.pairs import epoch_pairs
from lungml.training.checkpoint import Checkpoints
from lungml.training.determinism import seeded

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use")

DATA = make_unlabelled(40)
PLAIN = PARAMS.model_copy(update={"optimizer": "sgd"})
"""Plain gradient descent, which does not blow rounding up as Adam does."""


def train(device, params=PLAIN, **options):
    with seeded(0):
        network = TinyBackbone()
    network[1][3].p = 0.0  # dropout, whose numbers a GPU draws for itself
    records = list(pretrain(network, DATA, params, device=device, **options))
    return network, records


def assert_close(network, expected):
    found = network.state_dict()
    for name, value in expected.state_dict().items():
        assert found[name].device.type == "cpu", name
        assert torch.allclose(found[name].double(), value.double(), atol=1e-3), name


def test_pairs_are_made_on_the_gpu_and_are_those_of_the_processor():
    expected = list(epoch_pairs(DATA, PLAIN, epoch=0))

    found = list(epoch_pairs(DATA, PLAIN, epoch=0, engine=Engine("cuda")))

    for one, other in zip(found, expected, strict=True):
        assert one.images.device.type == "cuda"
        assert torch.allclose(one.images.cpu(), other.images, atol=1e-3)


def test_a_pretraining_ends_with_the_weights_of_the_processor_and_on_it():
    expected, records = train("cpu")

    found, others = train("cuda")

    assert_close(found, expected)
    assert [each.loss for each in others] == pytest.approx([each.loss for each in records], rel=1e-3)


def test_a_pretraining_in_bfloat16_comes_to_nearly_the_same():
    _, records = train("cpu")

    _, others = train("cuda", PLAIN.model_copy(update={"precision": "bfloat16"}))

    assert others[-1].loss == pytest.approx(records[-1].loss, rel=0.15)


@pytest.mark.parametrize(("first", "then"), [("cuda", "cpu"), ("cpu", "cuda")])
def test_a_pretraining_stopped_on_one_device_goes_on_on_the_other(first, then, tmp_path):
    expected, _ = train("cpu")
    checkpoints, steps = Checkpoints(tmp_path / "work", "f"), itertools.count(1)
    with pytest.raises(InterruptedRunError):
        train(first, checkpoints=checkpoints, stop_asked=lambda: next(steps) == 8)

    found, _ = train(then, checkpoints=checkpoints)

    assert_close(found, expected)
