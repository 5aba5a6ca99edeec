"""A training on a GPU beside the same one on the processor; nothing here runs where there is no GPU.

Needs little beside torch and timm, so that it can be taken to a machine that has a GPU:
`python -m pytest -c /dev/null --rootdir . -o pythonpath=tests tests/training/test_cuda.py`.
"""

import itertools
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from gpu_trainings import BEHIND, RECIPES, WHOLE, assert_close, photo_like, settings_for, trained
from torch import nn
from training_examples import STILL, make_classifier, make_data, make_settings
from training_runs import run

from lungml import bundle
from lungml.bundle import Bundle, Member, predict
from lungml.errors import InterruptedRunError
from lungml.models.freezing import set_frozen
from lungml.models.precision import Engine, choose_engine
from lungml.params.data import LabelParams, ViewsParams
from lungml.params.model import RecipeParams, WeightsParams
from lungml.terms import Task
from lungml.training import kept
from lungml.training.assembly import build_classifier
from lungml.training.checkpoint import Checkpoints
from lungml.training.data import draw_steps, load_batch
from lungml.training.determinism import reproducible
from lungml.training.feeds import Feeder, WholeImages
from lungml.training.gradients import Gradients, StepKey
from lungml.training.loop import train
from lungml.training.optim import set_learning_rate
from lungml.training.prefixes import Prefixes
from lungml.training.state import TrainingState

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use")


def first_loss(backbone, device, precision):
    data, recipe = photo_like(16, 64), RecipeParams(precision=precision)
    engine = choose_engine(device, precision)
    classifier = build_classifier(backbone, "corn", data, WeightsParams(source="random"), seed=1).train()
    classifier.to(engine.device, memory_format=engine.layout)
    gradients = Gradients(classifier, nn.functional.cross_entropy, recipe, engine)
    shown = draw_steps(data.train, recipe, 16, seed=1, epoch=0)[0]
    with reproducible(1, engine.device):
        return gradients.fill(
            load_batch(data, recipe, shown, key=(1, 0, 0), engine=engine), 1, StepKey(1, 0, 0)
        ).loss()


@pytest.mark.parametrize("backbone", ["resnet10t", "mobilenetv4_conv_small", "convnext_atto", "regnety_002"])
def test_the_loss_of_the_first_step_is_that_of_the_processor(backbone):
    expected = first_loss(backbone, "cpu", "float32")

    assert first_loss(backbone, "cuda", "float32") == pytest.approx(expected, rel=1e-4)
    assert first_loss(backbone, "cuda", "bfloat16") == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_float32_training_ends_with_the_weights_of_the_processor(recipe):
    expected, records = trained("cpu", RECIPES[recipe])

    found, others = trained("cuda", RECIPES[recipe])

    assert_close(found, expected, atol=1e-3)
    assert [each.val_loss for each in others] == pytest.approx([each.val_loss for each in records], abs=1e-3)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_training_in_bfloat16_comes_to_nearly_the_same(recipe):
    _, records = trained("cpu", RECIPES[recipe])

    _, others = trained("cuda", RECIPES[recipe].model_copy(update={"precision": "bfloat16"}))

    assert others[-1].val_loss == pytest.approx(records[-1].val_loss, abs=0.05)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="torch.compile needs a C compiler")
def test_a_compiled_training_comes_to_nearly_the_same():
    _, records = trained("cuda", BEHIND)

    _, others = trained("cuda", BEHIND.model_copy(update={"compile": True}))

    assert [each.val_loss for each in others] == pytest.approx([each.val_loss for each in records], abs=1e-3)


def test_left_to_itself_a_gpu_with_bfloat16_computes_in_it():
    expected = "bfloat16" if torch.cuda.get_device_capability()[0] >= 8 else "float32"

    assert choose_engine("cuda", "auto") == Engine("cuda", expected)


def test_float32_is_not_tf32():
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(4, 64, 16, 16, generator=generator)
    kernels = torch.randn(64, 64, 3, 3, generator=generator)
    exact = nn.functional.conv2d(images.double(), kernels.double())

    with reproducible(1, "cuda"):
        found = nn.functional.conv2d(images.cuda(), kernels.cuda()).cpu().double()

    assert (found - exact).abs().max() < 1e-5 * exact.abs().max()


def test_dropout_is_drawn_from_the_seed_and_from_nothing_else():
    torch.cuda.manual_seed(5)
    expected = torch.rand(2, device="cuda")
    torch.cuda.manual_seed(5)

    one, other = (run(settings_for("cuda", WHOLE, epochs=1))[1] for _ in range(2))

    assert torch.equal(torch.rand(2, device="cuda"), expected)
    assert [each.train_loss for each in one] == pytest.approx([each.train_loss for each in other], rel=1e-4)


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize(("first", "then"), [("cuda", "cpu"), ("cpu", "cuda")])
def test_a_training_stopped_on_one_device_goes_on_on_the_other(recipe, first, then, tmp_path):
    expected, _ = trained("cpu", RECIPES[recipe])
    checkpoints, steps = Checkpoints(tmp_path / "work", "f"), itertools.count(1)
    with pytest.raises(InterruptedRunError):
        trained(first, RECIPES[recipe], checkpoints=checkpoints, stop_asked=lambda: next(steps) == 19)

    found, _ = trained(then, RECIPES[recipe], checkpoints=checkpoints)

    assert_close(found, expected, atol=1e-3)


def test_checkpoints_hold_tensors_of_the_processor(tmp_path):
    list(
        itertools.islice(
            train(
                make_classifier(),
                make_data(),
                make_settings(device="cuda"),
                checkpoints=Checkpoints(tmp_path, "f"),
            ),
            2,
        )
    )

    places = set()
    saved = torch.load(
        max(tmp_path.glob("*.pt")), map_location=lambda storage, place: places.add(place) or storage
    )

    assert saved["state"]["epoch"] == 2
    assert places == {"cpu"}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_step_waits_for_the_gpu_once(recipe):
    recipe = RECIPES[recipe].model_copy(update={"precision": "bfloat16"})
    data, engine = replace(make_data(), normalisation=narrowed()), Engine("cuda", "bfloat16")
    classifier = make_classifier().to("cuda", memory_format=torch.channels_last)
    set_frozen(classifier.backbone, 0.5)
    classifier.train()
    state = TrainingState(classifier, "adamw", recipe)
    feed = Feeder(WholeImages(classifier, data, recipe, 3, engine=engine), Prefixes()).choose()
    gradients = Gradients(feed.network, nn.functional.cross_entropy, recipe, engine)
    steps = draw_steps(data.train, recipe, 8, seed=3, epoch=0)

    def take(number):
        batch = feed.batch(steps[number], epoch=0, step=number)
        loss = gradients.fill(batch, 2, StepKey(3, 0, number)).loss()
        set_learning_rate(state.optimizer, 1e-3)
        state.finish_step(loss, len(batch))

    state.open_epoch()
    for number in range(len(steps)):
        take(number)  # everything is kept and allocated now
    with warnings.catch_warnings(record=True) as waits:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        for number in range(3):
            take(number)
        torch.cuda.set_sync_debug_mode("default")

    waits = [each for each in waits if "prototype" not in str(each.message)]  # what the mode says of itself
    assert [Path(each.filename).name for each in waits] == ["gradients.py"] * 3, [str(each) for each in waits]


def narrowed():
    """Sees the middle of a view, which is enlarged on the device."""
    return replace(make_data().normalisation, centre_share=0.7)


@pytest.mark.parametrize("share", [0.25, 0.0], ids=["on the GPU", "in the machine"])
@pytest.mark.parametrize("in_memory", [1 << 30, 0], ids=["memory", "file"])
def test_wherever_it_is_kept_what_frozen_layers_made_is_the_same(share, in_memory, monkeypatch):
    expected, _ = trained("cuda", BEHIND)
    monkeypatch.setattr(kept, "_SHARE_OF_GPU", share)
    monkeypatch.setattr(kept, "_IN_MEMORY", in_memory)

    found, _ = trained("cuda", BEHIND)

    assert_close(found, expected, atol=1e-4)


class Wide(nn.Module):
    """Makes 256 MiB of every 16 images of 256 px, several times over."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.Conv2d(64, 64, 1), nn.ReLU()
        )
        self.head = nn.Linear(64, 2)

    def forward(self, images):
        return self.head(self.layers(images).mean(dim=(2, 3)))


def test_without_memory_a_step_is_done_again_in_more_micro_batches():
    data, recipe, engine = photo_like(32, 256), RecipeParams(augment=STILL), Engine("cuda")
    network = Wide().cuda()
    gradients = Gradients(network, nn.functional.cross_entropy, recipe, engine)
    batch = load_batch(
        data, recipe, draw_steps(data.train, recipe, 32, seed=1, epoch=0)[0], key=(1, 0, 0), engine=engine
    )
    torch.cuda.empty_cache()
    limit = torch.cuda.memory_reserved() + (3 << 29)
    torch.cuda.set_per_process_memory_fraction(limit / torch.cuda.get_device_properties(0).total_memory)
    try:
        filled = gradients.fill(batch, 1, StepKey(1, 0, 0))
        loss = filled.loss()
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    count, found = filled.count, [each.grad.clone() for each in network.parameters()]
    network.zero_grad()
    expected = gradients.fill(batch, count, StepKey(1, 0, 0)).loss()

    assert count > 1
    assert network.layers[1].num_batches_tracked == 2 * count
    assert loss == pytest.approx(expected, rel=1e-3)
    for one, other in zip(found, network.parameters(), strict=True):
        assert torch.allclose(one, other.grad, rtol=1e-2, atol=1e-4)


def make_bundle():
    data = photo_like(8, 64)
    members = tuple(
        Member(
            build_classifier(name, "linear", data, WeightsParams(source="random"), seed=1).eval(),
            name,
            "linear",
            "random",
            data.normalisation,
        )
        for name in ("resnet10t", "convnext_atto")
    )
    return Bundle(members, Task.NODULE_BINARY, 1, ViewsParams(size_px=64), LabelParams(), {}, {}, {})


def test_predictions_are_those_of_the_processor_and_leave_the_model_there(monkeypatch):
    model, images_hu = make_bundle(), photo_like(40, 64).train.images_hu
    monkeypatch.setenv("LUNGML_DEVICE", "cpu")
    expected = predict(model, images_hu)

    monkeypatch.setenv("LUNGML_DEVICE", "cuda")
    found = predict(model, images_hu, batch_size=16)

    assert np.abs(found - expected).max() < 1e-5
    assert {p.device.type for member in model.members for p in member.classifier.parameters()} == {"cpu"}


def test_a_model_trained_on_a_gpu_is_read_where_there_is_none(tmp_path, monkeypatch):
    model = make_bundle()
    for member in model.members:
        member.classifier.to("cuda", memory_format=torch.channels_last)
    bundle.write_bundle(tmp_path / "model", model)
    monkeypatch.setenv("LUNGML_DEVICE", "cpu")

    read = bundle.read_bundle(tmp_path / "model")

    for one, other in zip(read.members, model.members, strict=True):
        assert_close(one.classifier.state_dict(), other.classifier.cpu().state_dict(), atol=0)
