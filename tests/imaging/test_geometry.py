from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from torch.nn import functional

from lungml.imaging.geometry import (
    bounding_box,
    field_of_view,
    pad_and_resize_hu,
    pad_and_resize_mask,
    resample_hu,
    resample_mask,
    whole_square,
)


def disc(shape: tuple[int, int], centre_mm, spacing_mm, diameter_mm: float) -> np.ndarray:
    y, x = np.indices(shape)
    return np.hypot(y * spacing_mm[0] - centre_mm[0], x * spacing_mm[1] - centre_mm[1]) <= diameter_mm / 2


def blob_hu(shape: tuple[int, int], centre_px, spacing_mm, sigma_mm: float) -> np.ndarray:
    y, x = np.indices(shape)
    r2 = ((y - centre_px[0]) * spacing_mm[0]) ** 2 + ((x - centre_px[1]) * spacing_mm[1]) ** 2
    return np.rint(-1000 + 1500 * np.exp(-r2 / (2 * sigma_mm**2))).astype(np.int16)


def centre_of_mass_px(image_hu: np.ndarray) -> tuple[float, float]:
    weight = image_hu.astype(float) + 1000
    y, x = np.indices(image_hu.shape)
    return float((y * weight).sum() / weight.sum()), float((x * weight).sum() / weight.sum())


def width_px(mask: np.ndarray) -> float:
    return float(np.sqrt(mask.sum() * 4 / np.pi))


def test_a_nodule_scanned_at_twice_the_spacing_has_half_the_pixels_but_the_same_width_in_the_view():
    fine = disc((256, 256), (64.0, 64.0), (0.5, 0.5), 28.0)
    coarse = disc((128, 128), (64.0, 64.0), (1.0, 1.0), 28.0)

    views = [
        resample_mask(fine, field_of_view((128, 128), (0.5, 0.5), 100.0, 128)),
        resample_mask(coarse, field_of_view((64, 64), (1.0, 1.0), 100.0, 128)),
    ]

    assert width_px(coarse) == pytest.approx(width_px(fine) / 2, rel=0.01)
    assert width_px(views[1]) == pytest.approx(width_px(views[0]), rel=0.01)


def test_twice_the_field_of_view_halves_the_width_of_the_nodule_in_the_view():
    mask = disc((256, 256), (64.0, 64.0), (0.5, 0.5), 28.0)

    narrow, wide = (resample_mask(mask, field_of_view((128, 128), (0.5, 0.5), mm, 128)) for mm in (50, 100))

    assert width_px(wide) == pytest.approx(width_px(narrow) / 2, rel=0.01)


@pytest.mark.parametrize("diameter_mm", [6.0, 24.0])
@pytest.mark.parametrize("spacing_mm", [(0.5, 0.5), (0.9, 0.9), (0.5, 0.9)])
def test_a_sphere_has_its_physical_area_in_the_view_whatever_the_spacing(diameter_mm, spacing_mm):
    shape = (200, 180)
    mask = disc(shape, (60 * spacing_mm[0], 70 * spacing_mm[1]), spacing_mm, diameter_mm)

    view = resample_mask(mask, field_of_view((60, 70), spacing_mm, 50.0, 96))

    area_mm2 = view.sum() * (50.0 / 96) ** 2
    assert area_mm2 == pytest.approx(np.pi * diameter_mm**2 / 4, rel=0.12)


def test_a_disc_in_anisotropic_pixels_is_round_in_the_view():
    spacing_mm = (0.5, 1.0)
    mask = disc((160, 80), (40.0, 40.0), spacing_mm, 20.0)

    rows, columns = bounding_box(resample_mask(mask, field_of_view((80, 40), spacing_mm, 50.0, 100)))

    assert abs((rows.stop - rows.start) - (columns.stop - columns.start)) <= 1


def test_the_seeds_geometry_loses_the_size_of_a_nodule():
    boxes = []
    for diameter_mm in (6.0, 24.0):
        mask = disc((100, 100), (35.0, 35.0), (0.7, 0.7), diameter_mm)
        boxes.append(pad_and_resize_mask(mask[bounding_box(mask)], 64).mean())

    assert boxes[0] == pytest.approx(boxes[1], abs=0.06)


@pytest.mark.parametrize("field_of_view_mm", [20.0, 50.0, 300.0])
@pytest.mark.parametrize("value_hu", [-1000, -853, 40, 3071])
def test_a_constant_image_stays_constant(field_of_view_mm, value_hu):
    plane = np.full((512, 512), value_hu, np.int16)

    view = resample_hu(plane, field_of_view((255.5, 255.5), (0.7, 0.7), field_of_view_mm, 96))

    assert (view == value_hu).all()


def test_outside_the_image_is_air():
    view = resample_hu(np.full((50, 50), 40, np.int16), field_of_view((0, 0), (1.0, 1.0), 40.0, 40))

    assert (view[:19, :] == -1000).all()
    assert (view[21:, 21:] == 40).all()


def test_a_view_wholly_outside_the_image_is_air_and_holds_no_nodule():
    frame = field_of_view((500, 500), (1.0, 1.0), 40.0, 40)

    assert (resample_hu(np.full((50, 50), 40, np.int16), frame) == -1000).all()
    assert not resample_mask(np.ones((50, 50), bool), frame).any()


@pytest.mark.parametrize("field_of_view_mm", [48.0, 300.0])
@pytest.mark.parametrize("centre_px", [(150.3, 201.8), (160.0, 190.5)])
def test_the_centre_of_mass_of_a_blob_is_where_it_should_be(field_of_view_mm, centre_px):
    spacing_mm, size_px, looked_at_px = (0.6, 0.8), 96, (155.0, 195.0)
    plane = blob_hu((320, 400), centre_px, spacing_mm, sigma_mm=3.0)

    view = resample_hu(plane, field_of_view(looked_at_px, spacing_mm, field_of_view_mm, size_px))

    mm_from_middle = [(c - at) * s for c, at, s in zip(centre_px, looked_at_px, spacing_mm, strict=True)]
    expected_px = [mm / (field_of_view_mm / size_px) + (size_px - 1) / 2 for mm in mm_from_middle]
    assert centre_of_mass_px(view) == pytest.approx(expected_px, abs=0.03)


def test_a_view_on_the_grid_of_the_image_is_the_image():
    plane = np.random.default_rng(0).integers(-1000, 500, (96, 96)).astype(np.int16)

    assert (resample_hu(plane, whole_square(96, 96)) == plane).all()


def test_shrinking_averages_a_chessboard_instead_of_aliasing():
    plane = np.where(np.indices((400, 400)).sum(axis=0) % 2, 0, -1000).astype(np.int16)

    view = resample_hu(plane, field_of_view((199.5, 199.5), (1.0, 1.0), 360.0, 72))

    assert np.abs(view + 500).max() < 25


@pytest.mark.parametrize("side_px", [37, 96, 250])
def test_the_seeds_geometry_is_torchs_antialiased_bilinear_resize(side_px):
    image = np.random.default_rng(side_px).integers(-1000, 1000, (side_px, side_px)).astype(np.int16)
    tensor = torch.from_numpy(image).double()[None, None]
    expected = functional.interpolate(tensor, (96, 96), mode="bilinear", antialias=True)[0, 0].numpy()

    assert pad_and_resize_hu(image, 96) == pytest.approx(expected, abs=0.51)


def test_the_seeds_geometry_pads_with_air_around_the_middle():
    padded = pad_and_resize_hu(np.full((4, 8), 100, np.int16), 8)

    assert (padded[2:6] == 100).all()
    assert (padded[:2] == -1000).all()
    assert (padded[6:] == -1000).all()


def test_a_mask_smaller_than_half_a_pixel_keeps_one_pixel_in_its_place():
    mask = np.zeros((512, 512), bool)
    mask[100, 300] = True

    view = resample_mask(mask, field_of_view((255.5, 255.5), (0.7, 0.7), 360.0, 96))

    step_px = 360.0 / 96 / 0.7
    expected = [(at - 255.5) / step_px + 47.5 for at in (100, 300)]
    assert np.argwhere(view)[0] == pytest.approx(expected, abs=0.5)
    assert view.sum() == 1


def test_an_empty_mask_stays_empty_and_has_no_box():
    empty = np.zeros((20, 20), bool)

    assert not resample_mask(empty, whole_square(20, 10)).any()
    with pytest.raises(ValueError, match="empty mask"):
        bounding_box(empty)


def test_four_hundred_views_of_both_kinds_take_seconds():
    plane = np.random.default_rng(0).integers(-1000, 500, (512, 512)).astype(np.int16)
    started = time.process_time()

    for _ in range(40):
        resample_hu(plane, field_of_view((200, 300), (0.7, 0.7), 50.0, 96))
        resample_hu(plane, field_of_view((255.5, 255.5), (0.7, 0.7), 360.0, 96))

    assert (time.process_time() - started) * 10 < 6
