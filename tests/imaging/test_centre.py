import numpy as np
import pytest
import torch

from lungml.imaging.centre import centre_pixels, enlarge_centre


def images(size_px=24):
    return np.random.default_rng(0).normal(size=(3, 2, size_px, size_px)).astype(np.float32)


@pytest.mark.parametrize("share", [0.3, 0.5, 0.77])
def test_the_middle_is_what_torchs_own_sampling_makes_of_it(share):
    given = torch.from_numpy(images())
    scaling = torch.tensor([[share, 0, 0], [0, share, 0]]).expand(3, 2, 3)
    grid = torch.nn.functional.affine_grid(scaling, list(given.shape), align_corners=False)
    expected = torch.nn.functional.grid_sample(given, grid, align_corners=False)

    assert enlarge_centre(given, share).numpy() == pytest.approx(expected.numpy(), abs=1e-5)


def test_the_middle_of_a_slope_is_a_gentler_slope_around_the_same_value():
    slope = np.broadcast_to(np.arange(9, dtype=np.float32), (1, 1, 9, 9))

    found = enlarge_centre(slope, 0.5)

    assert found[0, 0, 4] == pytest.approx(np.arange(2, 6.5, 0.5))


def test_all_of_an_image_is_the_image():
    given = images()

    assert enlarge_centre(given, 1.0) is given


def test_arrays_and_tensors_are_treated_alike():
    found = enlarge_centre(torch.from_numpy(images()), 0.6)

    assert found.dtype == torch.float32
    assert (found.numpy() == enlarge_centre(images(), 0.6)).all()


def test_an_image_in_a_batch_is_the_image_alone():
    assert (enlarge_centre(images(), 0.6)[1:2] == enlarge_centre(images()[1:2], 0.6)).all()


@pytest.mark.parametrize(
    ("size_px", "share", "first", "count"), [(10, 0.6, 2, 6), (96, 1.0, 0, 96), (9, 0.33, 3, 3)]
)
def test_the_pixels_of_the_middle_are_as_many_on_both_sides(size_px, share, first, count):
    pixels = np.arange(size_px)[centre_pixels(size_px, share)]

    assert (pixels[0], len(pixels)) == (first, count)
    assert pixels[0] == size_px - 1 - pixels[-1]
