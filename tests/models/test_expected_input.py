from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from shared_data import SHARED_DATA, needs_shared_data

from lungml.errors import ModelError
from lungml.imaging.intensity import Normalisation, fit_normalisation, normalise
from lungml.models.expected_input import as_expected, check_pixels, expected_pixels, observe
from lungml.models.table import BACKBONES
from lungml.params.data import IntensityParams
from lungml.params.model import WeightsParams

PHOTOS_01, PHOTOS_11 = "resnet18", "vit_tiny_patch16"
"""One that wants ImageNet's mean and deviation, and one that wants values from -1 to 1."""
PRETRAINED, RANDOM = WeightsParams(source="pretrained"), WeightsParams(source="random")
WINDOWS_HU = [(-1000.0, 400.0), (-1350.0, 150.0), (-160.0, 240.0)]


def scan_hu() -> np.ndarray:
    """(6, 1, 48, 48): body with fat, bone, two lungs and noise, in air."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[-1:1:48j, -1:1:48j]
    plane = np.where(x**2 + y**2 < 0.9, -60.0, -1000.0)
    plane[np.hypot(x, y - 0.6) < 0.15] = 700
    plane[np.hypot(np.abs(x) - 0.4, y) < 0.3] = -850
    return (plane + rng.normal(0, 20, (6, 1, 48, 48))).astype(np.int16)


def network_input(images_hu, normalisation):
    return [normalise(torch.from_numpy(images_hu.copy()), normalisation)]


def test_photos_normalised_as_in_training_have_the_range_torchvision_documents():
    expected = expected_pixels(BACKBONES[PHOTOS_01])

    assert (expected.low, expected.high) == pytest.approx((-2.118, 2.640), abs=1e-3)
    assert (expected.mean, expected.std) == pytest.approx((0, 1), abs=5e-3)
    assert (expected_pixels(BACKBONES[PHOTOS_11]).low, expected_pixels(BACKBONES[PHOTOS_11]).high) == (-1, 1)


def test_figures_are_over_all_batches_whatever_their_sizes():
    values = torch.randn(7, 1, 5, 5, generator=torch.Generator().manual_seed(0)) * 3 + 2

    found = observe(values.split(3))

    assert (found.low, found.high) == (float(values.min()), float(values.max()))
    assert found.mean == pytest.approx(float(values.double().mean()), rel=1e-6)
    assert found.std == pytest.approx(float(values.double().std(correction=0)), rel=1e-6)


@pytest.mark.parametrize("name", [PHOTOS_01, PHOTOS_11])
@pytest.mark.parametrize("window_hu", WINDOWS_HU)
def test_a_window_with_the_mean_and_deviation_of_the_backbone_passes(name, window_hu):
    fitted = fit_normalisation(scan_hu(), IntensityParams(window_hu=window_hu))
    seen = as_expected(fitted, name, PRETRAINED)

    check_pixels(network_input(scan_hu(), seen), seen, name, PRETRAINED)

    air = float(normalise(np.full((1, 1, 1, 1), -2000, np.int16), seen).item())
    mean, std = np.mean(BACKBONES[name].mean), np.mean(BACKBONES[name].std)
    assert air == pytest.approx(-mean / std, rel=1e-5)  # black, as the network knows it


@needs_shared_data
@pytest.mark.parametrize("name", [PHOTOS_01, PHOTOS_11])
def test_real_nodules_pass(name):
    with np.load(SHARED_DATA / "lidc_crops/nodules_hu.npz") as file:
        images_hu = file["hu"][::10, None]
    seen = as_expected(fit_normalisation(images_hu, IntensityParams()), name, PRETRAINED)

    check_pixels(network_input(images_hu, seen), seen, name, PRETRAINED)


def test_three_windows_get_the_means_of_the_three_colours():
    fitted = fit_normalisation(scan_hu(), IntensityParams(scaling="three-windows"))

    seen = as_expected(fitted, PHOTOS_01, PRETRAINED)

    assert (seen.means, seen.stds) == (BACKBONES[PHOTOS_01].mean, BACKBONES[PHOTOS_01].std)
    check_pixels(network_input(scan_hu(), seen), seen, PHOTOS_01, PRETRAINED)


def test_random_weights_expect_nothing():
    fitted = fit_normalisation(scan_hu(), IntensityParams())

    assert as_expected(fitted, PHOTOS_01, RANDOM) == fitted
    check_pixels([torch.full((1, 1, 2, 2), 1e6)], fitted, PHOTOS_01, RANDOM)


def test_z_scored_pixels_stop_even_where_their_figures_are_those_of_photos():
    fitted = fit_normalisation(scan_hu(), IntensityParams(scaling="z-score"))
    seen = as_expected(fitted, PHOTOS_01, PRETRAINED)
    batches = network_input(scan_hu(), seen)
    found = observe(batches)
    assert (found.mean, found.std) == pytest.approx((0, 1), abs=1e-3)

    with pytest.raises(ModelError) as refused:
        check_pixels(batches, seen, PHOTOS_01, PRETRAINED)

    for words in (
        "-2.12 to 2.64 with mean 0.00 and deviation 1.00",
        f"{found.low:.2f} to {found.high:.2f} with mean",
        "intensity.scaling: z-score",
        "Set intensity.scaling: window in params.yaml",
    ):
        assert words in str(refused.value)


WRONG = {
    "HU": Normalisation("window", ((-2000.0, 3000.0),), means=(0.4,), stds=(1 / 5000,)),
    "0 to 255": Normalisation("window", ((-1000.0, 400.0),), means=(0.0,), stds=(1 / 255,)),
    "0 to 1": Normalisation("window", ((-1000.0, 400.0),), means=(0.0,), stds=(1.0,)),
    "normalised twice": Normalisation("window", ((-1000.0, 400.0),), means=(0.9,), stds=(0.05,)),
    "a window without the body": Normalisation("window", ((500.0, 3000.0),), means=(0.449,), stds=(0.226,)),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", [PHOTOS_01, PHOTOS_11])
def test_pixels_in_another_range_stop(name, wrong):
    with pytest.raises(ModelError, match=r"it would get pixels of -?\d"):
        check_pixels(network_input(scan_hu(), WRONG[wrong]), WRONG[wrong], name, PRETRAINED)


def test_what_was_changed_is_mean_and_deviation_alone():
    fitted = fit_normalisation(scan_hu(), IntensityParams())

    seen = as_expected(fitted, PHOTOS_11, PRETRAINED)

    assert replace(seen, means=fitted.means, stds=fitted.stds) == fitted
