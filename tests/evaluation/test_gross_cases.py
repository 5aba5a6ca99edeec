import numpy as np
import pandas as pd
import pytest

from lungml.evaluation.gross_cases import GROSS_CASES, SUBTLE_CASES

EVERY = GROSS_CASES | SUBTLE_CASES


def spoilt(name, images_hu):
    return EVERY[name](np.asarray(images_hu, dtype=np.int16), np.random.default_rng(0))


@pytest.mark.parametrize("name", EVERY)
def test_images_keep_shape_and_type_and_the_right_ones_are_left_as_they_are(name):
    images_hu = np.random.default_rng(1).integers(-1024, 3000, (3, 2, 8, 8)).astype(np.int16)
    before = images_hu.copy()

    made = spoilt(name, images_hu)

    assert (made.shape, made.dtype) == (images_hu.shape, np.int16)
    assert np.array_equal(images_hu, before)
    assert not np.array_equal(made, images_hu)


def test_wrong_images_are_what_they_are_called():
    images_hu = [[[[-1000, 0], [400, 2000]]]]

    made = {name: spoilt(name, images_hu).ravel().tolist() for name in GROSS_CASES}

    assert made["inverted"] == [400, -600, -1000, -1000]
    assert made["blank"] == [-1000] * 4
    assert made["screen greys"] == [0, 182, 255, 255]
    assert made["shifted by 1024 HU"] == [24, 1024, 1424, 3024]
    assert all(-1000 <= value < 400 for value in made["noise"])
    assert pd.Series(made["noise"]).nunique() > 1
    assert made["air filled with soft tissue"][1:] == [0, 400, 2000]
    assert -60 < made["air filled with soft tissue"][0] < 140


def test_without_air_what_was_lung_is_like_liver():
    lung = spoilt("air filled with soft tissue", np.full((1, 1, 100, 100), -850))

    assert lung.mean() == pytest.approx(40, abs=1)
    assert lung.std() == pytest.approx(15, abs=1)


SHARP, SOFT = SUBTLE_CASES


def test_a_sharp_kernel_lifts_edges_and_a_soft_one_takes_them_away():
    edge = np.where(np.arange(32) < 16, -850, 50) * np.ones((20, 1, 32, 1), int)

    sharp, soft = (spoilt(name, edge).mean(axis=(0, 1, 2)) for name in (SHARP, SOFT))

    step = {"sharp": sharp[16] - sharp[15], "soft": soft[16] - soft[15]}
    assert step["sharp"] > 900 > step["soft"]
    assert sharp[18:30].mean() == pytest.approx(50, abs=60)
    assert (soft[[2, 29]] == [-850, 50]).all()


def test_noise_of_a_sharp_kernel_is_fine_and_of_40_hu():
    flat = spoilt(SHARP, np.zeros((4, 1, 64, 64))).astype(float)

    assert flat.std() == pytest.approx(40, rel=0.02)
    neighbours = np.corrcoef(flat[..., 1:].ravel(), flat[..., :-1].ravel())[0, 1]
    assert neighbours < -0.05  # white noise has 0; a blur has more


def test_a_soft_kernel_takes_noise_away():
    noisy = np.random.default_rng(0).normal(0, 100, (1, 1, 64, 64))

    assert spoilt(SOFT, noisy).std() < 30
