from __future__ import annotations

import time

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.numpy import load_file
from safetensors.torch import save_file
from shared_data import SHARED_DATA, needs_shared_data

from lungml.errors import ModelError
from lungml.models.backbones import build_backbone, describe_weights, embedding_size
from lungml.models.table import BACKBONES
from lungml.params.model import WeightsParams

RANDOM = WeightsParams(source="random", seed=7)
SMALL = ("resnet10t", "mobilenetv3_small_050", "convnext_atto", "vit_tiny_patch16")
CORAL = "mobilenetv2_100_coral"


@pytest.mark.parametrize("name", BACKBONES)
def test_a_backbone_turns_images_into_one_vector_each(name):
    with torch.device("meta"):
        network = build_backbone(name, in_channels=1, weights=RANDOM)

    vectors = network(torch.zeros(2, 1, 96, 96, device="meta"))

    assert vectors.shape == (2, embedding_size(network))


def test_the_token_model_takes_images_of_any_size():
    network = build_backbone("vit_tiny_patch16", in_channels=1, weights=RANDOM).eval()

    with torch.inference_mode():
        shapes = [network(torch.zeros(1, 1, size_px, size_px)).shape for size_px in (64, 90, 224)]

    assert shapes == [(1, 192)] * 3


@pytest.mark.parametrize("name", SMALL)
def test_random_weights_depend_on_seed_and_name_alone(name):
    torch.manual_seed(1)
    first = build_backbone(name, in_channels=1, weights=RANDOM).state_dict()
    torch.manual_seed(2)
    again = build_backbone(name, in_channels=1, weights=RANDOM).state_dict()
    other = build_backbone(name, in_channels=1, weights=WeightsParams(seed=8)).state_dict()

    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


def test_building_a_backbone_leaves_the_generator_as_it_was():
    torch.manual_seed(3)
    expected = torch.rand(4)

    torch.manual_seed(3)
    build_backbone("mobilenetv3_small_050", in_channels=1, weights=RANDOM)

    assert torch.equal(torch.rand(4), expected)


def test_weights_say_where_they_come_from():
    assert describe_weights("resnet18", RANDOM) == "random (seed 7)"
    described = describe_weights("resnet18", WeightsParams(source="pretrained"))
    assert described == "pretrained (resnet18.a1_in1k, trained on ImageNet-1k)"


@pytest.fixture
def trained(tmp_path):
    """A folder with weights of a three-channel, 1000-class network that are not the random ones."""
    torch.manual_seed(11)
    network = timm.create_model("mobilenetv3_small_050", num_classes=1000)
    save_file(network.state_dict(), tmp_path / "mobilenetv3_small_050.safetensors")
    return tmp_path


def test_weights_of_a_folder_are_loaded_and_a_grey_image_acts_as_three_equal_channels(trained):
    weights = WeightsParams(source="pretrained", folder=trained)
    grey = torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        one = build_backbone("mobilenetv3_small_050", in_channels=1, weights=weights).eval()(grey)
        three = build_backbone("mobilenetv3_small_050", in_channels=3, weights=weights).eval()(
            grey.expand(2, 3, 64, 64)
        )

    stored = load_file(trained / "mobilenetv3_small_050.safetensors")["blocks.0.0.conv_dw.weight"]
    loaded = build_backbone("mobilenetv3_small_050", in_channels=1, weights=weights).state_dict()
    assert torch.equal(loaded["blocks.0.0.conv_dw.weight"], torch.from_numpy(stored))
    assert torch.allclose(one, three, rtol=1e-3, atol=1e-5)


def test_a_folder_without_the_file_stops_and_says_what_to_do(tmp_path):
    with pytest.raises(ModelError, match=r"neither resnet18\.safetensors nor .*weights\.source: random"):
        build_backbone("resnet18", in_channels=1, weights=WeightsParams(source="pretrained", folder=tmp_path))


def test_a_file_with_a_tensor_missing_stops_instead_of_leaving_it_random(trained):
    path = trained / "mobilenetv3_small_050.safetensors"
    tensors = {key: torch.from_numpy(value) for key, value in load_file(path).items()}
    del tensors["blocks.1.0.conv_pw.weight"]
    save_file(tensors, path)

    with pytest.raises(ModelError, match="does not hold the weights"):
        build_backbone(
            "mobilenetv3_small_050",
            in_channels=1,
            weights=WeightsParams(source="pretrained", folder=trained),
        )


def test_a_file_that_is_not_safetensors_stops(tmp_path):
    (tmp_path / "resnet10t.safetensors").write_bytes(b"not weights")

    with pytest.raises(ModelError, match="does not hold the weights"):
        build_backbone(
            "resnet10t", in_channels=1, weights=WeightsParams(source="pretrained", folder=tmp_path)
        )


PHOTOS = {
    "cat.bmp": "cat",
    "parrot.jpg": "macaw",
    "dragonfly.bmp": "dragonfly",
    "bird.bmp": "chickadee",
    "bobby.jpg": "golden retriever",
}


@needs_shared_data
@pytest.mark.parametrize("photo", PHOTOS)
def test_pretrained_weights_recognise_photos(photo):
    weights = WeightsParams(source="pretrained", folder=SHARED_DATA / "weights")
    network = build_backbone(CORAL, in_channels=3, weights=weights).eval()
    file = load_file(SHARED_DATA / "weights/mobilenetv2_100.coral_ptq_in1k.safetensors")
    image = (
        Image.open(SHARED_DATA / "photos" / photo).convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)
    )
    pixels = torch.from_numpy(np.asarray(image, np.float32) / 255).permute(2, 0, 1)[None]
    mean, std = (
        torch.tensor(values)[:, None, None] for values in (BACKBONES[CORAL].mean, BACKBONES[CORAL].std)
    )

    with torch.inference_mode():
        vector = network((pixels - mean) / std)[0].numpy()

    logits = file["classifier.weight"] @ vector + file["classifier.bias"]
    names = (SHARED_DATA / "photos/imagenet_labels.txt").read_text().splitlines()[1:]
    assert PHOTOS[photo] in names[int(logits.argmax())]


def test_weights_that_only_a_file_has_are_not_sought_on_the_hub():
    started = time.monotonic()

    with pytest.raises(ModelError, match="the hub does not have them"):
        build_backbone(CORAL, in_channels=1, weights=WeightsParams(source="pretrained"))

    assert time.monotonic() - started < 5


@needs_shared_data
def test_a_changed_byte_in_weights_is_refused_before_they_are_loaded(tmp_path):
    file = f"{BACKBONES[CORAL].timm_name}.safetensors"
    tensors = bytearray((SHARED_DATA / "weights" / file).read_bytes())
    tensors[-1] ^= 1
    (tmp_path / file).write_bytes(tensors)

    with pytest.raises(ModelError, match=r"SHA-256 .*expected .* by the table of backbones") as refused:
        build_backbone(CORAL, in_channels=1, weights=WeightsParams(source="pretrained", folder=tmp_path))
    assert refused.value.exit_code == 6
