from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lungml.errors import InputError, ModelError
from lungml.imaging.centre import enlarge_centre
from lungml.imaging.intensity import Normalisation, fit_normalisation, normalise, window_to_unit
from lungml.params.data import IntensityParams

WINDOW = IntensityParams(scaling="window", window_hu=(-1000.0, 400.0))
Z_SCORE = IntensityParams(scaling="z-score", window_hu=(-1000.0, 400.0))


def images_hu(count: int = 5, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(-500, 150, (count, 1, 12, 12))
    return noise.clip(-950, 250).astype(np.int16)


def test_train_images_have_mean_0_and_deviation_1_after_normalisation():
    train = images_hu(20)

    pixels = normalise(train, fit_normalisation(train, WINDOW))

    assert pixels.mean() == pytest.approx(0, abs=1e-4)
    assert pixels.std() == pytest.approx(1, abs=1e-4)


def test_window_scaling_follows_the_formula_by_hand():
    normalisation = Normalisation("window", ((-1000.0, 400.0),), means=(0.25,), stds=(0.5,))

    pixels = normalise(np.array([-2000, -1000, -300, 400, 3000], np.int16).reshape(1, 1, 1, 5), normalisation)

    assert pixels.ravel().tolist() == pytest.approx([-0.5, -0.5, 0.5, 1.5, 1.5])
    assert pixels.dtype == np.float32


def test_a_hundred_hu_more_is_the_same_step_everywhere_under_window_scaling():
    normalisation = fit_normalisation(images_hu(), WINDOW)

    step = normalise(images_hu() + 100, normalisation) - normalise(images_hu(), normalisation)

    assert step == pytest.approx(100 / 1400 / normalisation.stds[0], rel=1e-4)


def test_a_hundred_hu_more_changes_nothing_under_z_score():
    normalisation = fit_normalisation(images_hu(), Z_SCORE)

    before, after = normalise(images_hu(), normalisation), normalise(images_hu() + 100, normalisation)

    assert after == pytest.approx(before, abs=1e-4)
    assert before.mean(axis=(1, 2, 3)) == pytest.approx(0, abs=1e-5)
    assert before.std(axis=(1, 2, 3)) == pytest.approx(1, abs=1e-4)


def test_z_score_of_one_image_does_not_depend_on_the_others():
    normalisation = fit_normalisation(images_hu(), Z_SCORE)

    alone = normalise(images_hu()[:1], normalisation)

    assert alone == pytest.approx(normalise(images_hu(), normalisation)[:1], abs=1e-6)


def test_a_constant_image_is_0_under_z_score():
    assert not normalise(np.full((1, 1, 4, 4), 40, np.int16), fit_normalisation(images_hu(), Z_SCORE)).any()


@pytest.mark.parametrize("params", [WINDOW, Z_SCORE])
def test_numpy_and_torch_give_the_same_numbers(params):
    normalisation = fit_normalisation(images_hu(), params)

    tensor = normalise(torch.from_numpy(images_hu()), normalisation)

    assert tensor.dtype == torch.float32
    assert tensor.numpy() == pytest.approx(normalise(images_hu(), normalisation), abs=1e-6)


def test_the_fit_is_the_mean_and_deviation_numpy_gives_and_ignores_the_order():
    train = images_hu(150)
    unit = (train.astype(np.float64) + 1000) / 1400

    fitted = fit_normalisation(train, WINDOW)

    assert fitted.means[0] == pytest.approx(unit.mean(), rel=1e-12)
    assert fitted.stds[0] == pytest.approx(unit.std(), rel=1e-9)
    assert fit_normalisation(train[::-1], WINDOW) == fitted


def test_train_images_without_contrast_in_the_window_are_refused():
    with pytest.raises(InputError, match=r"intensity\.window_hu"):
        fit_normalisation(np.full((3, 1, 4, 4), -1000, np.int16), WINDOW)


def test_no_train_image_at_all_is_refused():
    with pytest.raises(InputError, match="the 0 train images"):
        fit_normalisation(np.zeros((0, 1, 4, 4), np.int16), WINDOW)


def test_a_normalisation_survives_json():
    fitted = fit_normalisation(images_hu(), WINDOW)

    assert Normalisation.from_dict(fitted.to_dict()) == fitted


def test_a_normalisation_of_another_version_is_refused():
    with pytest.raises(ModelError, match="another version"):
        Normalisation.from_dict({"scaling": "window"})


def test_pictures_show_the_window_from_black_to_white():
    grey = window_to_unit(np.array([[-2000, -1000, -300, 400, 900]], np.int16), (-1000.0, 400.0))

    assert grey[0].tolist() == pytest.approx([0, 0, 0.5, 1, 1])


def test_three_windows_are_three_channels_each_standardised_on_train():
    train = images_hu(20)
    three = fit_normalisation(train, IntensityParams(scaling="three-windows"))

    pixels = normalise(train, three)

    assert pixels.shape == (20, 3, 12, 12)
    assert three.channels(1) == 3
    assert pixels.mean(axis=(0, 2, 3)) == pytest.approx(0, abs=1e-3)
    assert pixels.std(axis=(0, 2, 3)) == pytest.approx(1, abs=1e-3)
    alone = IntensityParams(window_hu=(-1350.0, 150.0))
    assert pixels[:, :1] == pytest.approx(normalise(train, fit_normalisation(train, alone)))


def test_each_window_tells_apart_what_lies_in_it_and_nothing_else():
    three = Normalisation("three-windows", ((-1350, 150), (-1000, 400), (-160, 240)), (0,) * 3, (1,) * 3)

    lung, wide, mediastinal = normalise(np.full((1, 1, 1, 2), (0, 300), np.int16), three)[0]

    assert lung.ravel().tolist() == pytest.approx([0.9, 1])
    assert wide.ravel().tolist() == pytest.approx([1000 / 1400, 1300 / 1400])
    assert mediastinal.ravel().tolist() == pytest.approx([0.4, 1])
    assert three.window_hu == (-1350, 400)


def test_arrays_and_tensors_give_the_same_three_channels():
    train = images_hu()
    three = fit_normalisation(train, IntensityParams(scaling="three-windows"))

    assert normalise(torch.from_numpy(train), three).numpy() == pytest.approx(normalise(train, three))


def test_a_narrower_field_of_view_is_the_enlarged_middle_scaled_by_its_own_pixels():
    inside = np.zeros((1, 1, 8, 8), np.int16)
    inside[..., 2:6, 2:6] = np.where(np.indices((4, 4)).sum(axis=0) % 2, 100, -700)

    fitted = fit_normalisation(inside, IntensityParams(centre_share=0.5))

    unit = (np.array([100, -700]) + 1000) / 1400
    assert fitted.means == pytest.approx((unit.mean(),))
    assert fitted.stds == pytest.approx((unit.std(),))
    assert fitted.centre_share == 0.5
    whole = replace(fitted, centre_share=1.0)
    expected = normalise(enlarge_centre(inside.astype(np.float32), 0.5), whole)
    assert normalise(inside, fitted) == pytest.approx(expected)
    assert Normalisation.from_dict(fitted.to_dict()) == fitted
