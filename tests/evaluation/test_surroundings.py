import numpy as np
import pytest

from lungml.evaluation.surroundings import discs, erase, hu_features, rim


def test_a_disc_has_the_area_of_its_diameter():
    found = discs(np.array([12.0, 6.0, np.nan]), np.array([0.5, 0.5, 0.5]), 48)

    assert found[:2].sum(axis=(1, 2)) == pytest.approx([np.pi * 12**2, np.pi * 6**2], rel=0.03)
    assert not found[2].any()


def test_hu_of_a_nodule_are_those_inside_its_outline():
    images_hu = np.full((2, 4, 4), -800, np.int16)
    images_hu[0, 1, 1:3] = 20, 40
    masks = np.zeros((2, 4, 4), dtype=bool)
    masks[0, 1, 1:3] = True

    found = hu_features(images_hu, masks)

    assert found[0].tolist() == [30.0, 10.0]
    assert np.isnan(found[1]).all()


def test_an_erased_nodule_leaves_no_pixel_of_itself_and_changes_nothing_else():
    images_hu, masks = nodule_in_lung(radius_px=5)

    erased = erase(images_hu, masks, np.array([2.0]))

    gone = masks | (images_hu[:, 0] != erased[:, 0])
    assert erased.max() < -800
    assert (erased[~gone[:, None]] == images_hu[~gone[:, None]]).all()
    y, x = np.mgrid[:32, :32] - 15.5
    assert not gone[0][np.hypot(y, x) > 8].any()


def test_what_is_filled_in_does_not_tell_the_size_of_what_was_there():
    small, large = (erase(*nodule_in_lung(radius_px=radius), np.array([2.0])) for radius in (2, 8))

    assert np.abs(small.astype(int) - large).max() < 100
    assert small.mean() == pytest.approx(large.mean(), abs=5)


def test_a_nodule_that_fills_the_image_or_has_no_outline_is_left_as_it_is():
    images_hu, _ = nodule_in_lung(radius_px=5)

    for mask in (np.ones((1, 32, 32), dtype=bool), np.zeros((1, 32, 32), dtype=bool)):
        assert (erase(images_hu, mask, np.array([1.0])) == images_hu).all()


def test_the_rim_is_the_fields_at_the_edge_of_each_channel():
    fields = np.arange(2 * 16.0)[None]

    found = rim(fields, 4)

    inner = [5, 6, 9, 10, 21, 22, 25, 26]
    assert found.tolist() == [[value for value in range(32) if value not in inner]]


def nodule_in_lung(*, radius_px: int):
    """(1, 1, 32, 32) HU and (1, 32, 32): soft tissue with a blurred rim in noisy lung."""
    y, x = np.mgrid[:32, :32] - 15.5
    distance = np.hypot(y, x)
    noise = np.random.default_rng(0).normal(-900, 15, (32, 32))
    tissue = np.clip((radius_px + 1 - distance) / 2, 0, 1)
    image_hu = (1 - tissue) * noise + tissue * 40
    return image_hu.astype(np.int16)[None, None], (distance < radius_px)[None]
