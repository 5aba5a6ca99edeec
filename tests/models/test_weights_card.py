from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from weights_cards import NAME, WINDOW, make_card

from lungml.errors import ModelError
from lungml.files import sha256_file
from lungml.imaging.intensity import fit_normalisation, normalise
from lungml.models.backbones import build_backbone, describe_weights, weights_sha256
from lungml.models.expected_input import as_expected, check_pixels
from lungml.models.table import BACKBONES
from lungml.models.weights_card import own_card, read_card, write_card
from lungml.models.weights_lock import verified_sha256
from lungml.params.data import IntensityParams
from lungml.params.model import WeightsParams


@pytest.fixture
def made(tmp_path):
    """Weights of a one-channel network that was trained here, with their card."""
    network = build_backbone(NAME, in_channels=1, weights=WeightsParams(seed=77))
    path = tmp_path / f"{NAME}.safetensors"
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, path)
    write_card(path, make_card(weights_sha256=sha256_file(path)))
    return WeightsParams(source="pretrained", folder=tmp_path)


def test_a_card_is_read_as_it_was_written(made):
    path = made.folder / f"{NAME}.safetensors"

    assert read_card(path) == make_card(weights_sha256=sha256_file(path))
    assert own_card(NAME, BACKBONES[NAME].timm_name, made) == read_card(path)


def test_weights_made_here_are_loaded_and_give_the_same_vectors(made):
    images = torch.randn(3, 1, 40, 40, generator=torch.Generator().manual_seed(0))
    expected = build_backbone(NAME, in_channels=1, weights=WeightsParams(seed=77)).eval()
    loaded = build_backbone(NAME, in_channels=1, weights=made).eval()

    with torch.inference_mode():
        assert torch.equal(loaded(images), expected(images))


def test_loading_them_leaves_the_generator_as_it_was(made):
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)

    build_backbone(NAME, in_channels=1, weights=made)

    assert torch.equal(torch.rand(4), expected)


def test_every_output_says_what_they_were_trained_on(made):
    said = describe_weights(NAME, made)

    assert said.split()[0] == "pretrained"
    for words in (
        "VICReg on 40 nodule views of 20 patients of the train part, 3 epochs",
        "begun from random (seed 77)",
        "images aaaaaaaaaaaa",
        f"weights {weights_sha256(NAME, made)[:12]}",
    ):
        assert words in said


def test_published_weights_in_a_folder_have_no_card(made):
    (made.folder / f"{NAME}.json").unlink()

    assert own_card(NAME, BACKBONES[NAME].timm_name, made) is None
    assert "ImageNet" in describe_weights(NAME, made)


def test_random_weights_have_no_card(made):
    random = WeightsParams(source="random", folder=made.folder)

    assert own_card(NAME, BACKBONES[NAME].timm_name, random) is None


def test_the_card_counts_more_than_the_lock(made, tmp_path):
    lock = tmp_path / "lock.json"
    lock.write_text(json.dumps({BACKBONES[NAME].timm_name: "0" * 64}))
    path = made.folder / f"{NAME}.safetensors"

    assert verified_sha256(BACKBONES[NAME], path, lock) == sha256_file(path)


def test_a_changed_byte_is_refused_by_the_card(made):
    path = made.folder / f"{NAME}.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    with pytest.raises(ModelError, match=r"SHA-256 .* by its card\. .*dvc repro -f pretrain"):
        build_backbone(NAME, in_channels=1, weights=made)


@pytest.mark.parametrize("text", ["[]", "{}", '{"backbone": "resnet18"}'])
def test_a_card_that_is_none_stops(made, text):
    (made.folder / f"{NAME}.json").write_text(text)

    with pytest.raises(ModelError, match=r"mobilenetv3_small_050\.json is not the card of"):
        describe_weights(NAME, made)


def test_images_with_other_channels_stop(made):
    with pytest.raises(ModelError, match=r"pretrained on 1 channel\(s\), and the images have 3"):
        build_backbone(NAME, in_channels=3, weights=made)


def test_weights_of_another_network_stop(made):
    path = made.folder / f"{NAME}.safetensors"
    save_file({"stem": torch.zeros(3)}, path)
    write_card(path, make_card(weights_sha256=sha256_file(path)))

    with pytest.raises(ModelError, match="does not hold weights of mobilenetv3_small_050"):
        build_backbone(NAME, in_channels=1, weights=made)


def images_hu(low=-900, high=300):
    return np.random.default_rng(0).integers(low, high, (8, 1, 24, 24)).astype(np.int16)


def test_images_get_the_normalisation_the_weights_were_made_with(made):
    fitted = fit_normalisation(images_hu(), IntensityParams())

    assert as_expected(fitted, NAME, made) == WINDOW != fitted


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (IntensityParams(window_hu=(-1350, 150)), "now gets window and -1350 to 150"),
        (IntensityParams(scaling="z-score"), "now gets z-score"),
    ],
)
def test_another_window_or_scaling_than_in_pretraining_stops(made, other, words):
    with pytest.raises(ModelError, match=rf"window and windows of -1000 to 400 HU, and {words}.*dvc repro"):
        as_expected(fit_normalisation(images_hu(), other), NAME, made)


def test_pixels_like_those_of_the_pretraining_pass_and_others_stop(made):
    seen = torch.from_numpy(normalise(images_hu(), WINDOW))
    pixels = {"low": -1.07, "high": 3.14, "mean": 1.0, "std": 1.2}
    path = made.folder / f"{NAME}.safetensors"
    write_card(path, replace(read_card(path), pixels=pixels))
    check_pixels([seen], WINDOW, NAME, made)

    write_card(path, replace(read_card(path), pixels=pixels | {"mean": 9.0}))
    with pytest.raises(ModelError, match="it would get pixels of"):
        check_pixels([seen], WINDOW, NAME, made)
