from __future__ import annotations

import numpy as np
import pytest
import torch

from lungml.errors import ParamsError
from lungml.models.backbones import build_backbone
from lungml.models.depths import difference, embed_batches
from lungml.models.precision import EXACT, Engine, choose_engine, is_accelerated
from lungml.params.model import WeightsParams

HALF = Engine("cpu", "bfloat16")
DEPTHS = (0.2, 0.6, 1.0)
TRUE_TO_FLOAT32 = ("resnet10t", "resnet18", "convnext_atto", "regnety_002", "vit_tiny_patch16")


def images(count: int = 4, seed: int = 0) -> torch.Tensor:
    """Smooth, as scans are: (count, 1, 64, 64) of deviation 1."""
    noise = torch.randn(count, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.interpolate(noise, (64, 64), mode="bicubic")
    return smooth / smooth.std()


def network(name: str) -> torch.nn.Module:
    return build_backbone(name, in_channels=1, weights=WeightsParams(seed=7))


@pytest.mark.parametrize("name", TRUE_TO_FLOAT32)
def test_what_agrees_on_one_batch_agrees_on_others(name):
    backbone = network(name)

    exact, halved = (
        embed_batches(backbone, images(6, seed=3).split(2), DEPTHS, each) for each in (EXACT, HALF)
    )

    assert 0 < difference(halved, exact) <= 0.01
    assert all(vectors.dtype == np.float32 for vectors in halved.values())


def test_the_difference_is_the_largest_of_all_images_and_depths():
    exact = {0.5: np.array([[3.0, 4.0], [0.0, 5.0]], np.float32), 1.0: np.array([[2.0], [2.0]], np.float32)}
    found = {0.5: np.array([[3.0, 4.5], [0.0, 5.0]], np.float32), 1.0: np.array([[2.0], [2.1]], np.float32)}

    assert difference(found, exact) == pytest.approx(0.1)


def test_the_processor_is_not_refused_bfloat16():
    assert choose_engine("cpu", "bfloat16") == HALF


def test_float32_needs_no_instructions_of_its_own():
    assert is_accelerated(Engine("cpu", "float32"))


def test_a_processor_without_the_instructions_is_known_as_such(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "avx512_bf16": False})

    assert not is_accelerated(HALF)


def test_a_gpu_without_bfloat16_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: (7, 5))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "an old GPU")

    with pytest.raises(ParamsError, match=r"an old GPU cannot compute it .*embed\.precision: float32"):
        choose_engine("cuda", "bfloat16")


@pytest.fixture
def gpu_of(monkeypatch):
    """Lets torch say that its GPU is of this generation."""
    return lambda *generation: monkeypatch.setattr(
        torch.cuda, "get_device_capability", lambda _device: generation
    )


@pytest.mark.parametrize(
    ("generation", "precision"), [((7, 5), "float32"), ((8, 0), "bfloat16"), ((9, 0), "bfloat16")]
)
def test_left_to_itself_a_gpu_computes_in_bfloat16_from_ampere_on(gpu_of, generation, precision):
    gpu_of(*generation)

    assert choose_engine("cuda:1", "auto") == Engine("cuda:1", precision)


@pytest.mark.parametrize("instructions", [True, False])
def test_left_to_itself_the_processor_computes_in_float32_whatever_it_can(monkeypatch, instructions):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": instructions})

    assert choose_engine("cpu", "auto") == EXACT


@pytest.mark.parametrize("generation", [(7, 5), (9, 0)])
def test_what_was_asked_for_is_taken_on_any_gpu_that_has_it(gpu_of, generation):
    gpu_of(*generation)

    assert choose_engine("cuda", "float32") == Engine("cuda", "float32")


def test_a_refused_precision_is_named_as_it_was_asked_for(gpu_of, monkeypatch):
    gpu_of(7, 5)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _device: "an old GPU")

    with pytest.raises(ParamsError, match=r"set recipe\.precision: float32"):
        choose_engine("cuda", "bfloat16", "recipe.precision")


def test_only_a_gpu_is_trained_channels_last():
    assert Engine("cuda:1").layout is torch.channels_last
    assert EXACT.layout is torch.preserve_format


def test_the_number_of_threads_changes_nothing_but_rounding():
    backbone, found = network("resnet10t"), {}
    threads = torch.get_num_threads()
    for number in (1, 2):
        torch.set_num_threads(number)
        found[number] = embed_batches(backbone, [images()], DEPTHS)
    torch.set_num_threads(threads)

    for depth in DEPTHS:
        assert np.abs(found[1][depth] - found[2][depth]).max() < 1e-4 * np.abs(found[1][depth]).max()
