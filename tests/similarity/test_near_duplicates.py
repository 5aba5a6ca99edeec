import numpy as np
import pandas as pd
import pytest
from nodule_pictures import INTENSITY, RIGID, nodule_crops
from scipy import ndimage
from shared_data import SHARED_DATA, needs_shared_data

from lungml.similarity import Pair, fingerprints, near_duplicates


def copies_found(images_hu, change, *, rigid):
    """Share of images whose changed copy is found among all of them, and how many other pairs are."""
    rng = np.random.default_rng(1)
    pairs = near_duplicates(
        fingerprints([change(image, rng) for image in images_hu]), fingerprints(images_hu), rigid=rigid
    )
    found = [pair for pair in pairs if pair.first == pair.second]
    return len(found) / len(images_hu), len(pairs) - len(found)


@pytest.mark.parametrize("change", INTENSITY)
def test_every_copy_with_changed_values_or_size_is_found(change):
    assert copies_found(nodule_crops(60), INTENSITY[change], rigid=False) == (1.0, 0)


@pytest.mark.parametrize("change", RIGID)
def test_nearly_every_moved_copy_is_found(change):
    share, others = copies_found(nodule_crops(60), RIGID[change], rigid=True)

    assert share >= 0.95
    assert others == 0


def test_turned_copies_are_not_looked_for_unless_asked():
    assert copies_found(nodule_crops(20), RIGID["a quarter turn"], rigid=False) == (0.0, 0)


def test_different_nodules_are_no_pairs():
    assert near_duplicates(fingerprints(nodule_crops(300)), rigid=True) == []  # 44,850 pairs


def test_large_round_nodules_in_even_lung_are_no_pairs():
    """One round edge lies on any other; what is left are faint noise and a slightly different outline."""
    y, x = np.mgrid[:64, :64] - 31.5
    rng = np.random.default_rng(0)
    spheres = [
        np.where(np.hypot(y / stretch, x * stretch) < radius, inside, -860) + rng.normal(0, 15, (64, 64))
        for radius, stretch, inside in [(19, 1.01, 900), (17, 0.99, 60), (18, 1.0, 80), (18, 1.02, 70)]
    ]
    smooth = [ndimage.gaussian_filter(sphere, 1.2) for sphere in spheres]

    assert near_duplicates(fingerprints(smooth), rigid=True) == []
    turned = [np.rot90(sphere) for sphere in smooth]
    found = near_duplicates(fingerprints(smooth), fingerprints(turned), rigid=True)
    assert [(pair.first, pair.second) for pair in found] == [(0, 0), (1, 1), (2, 2), (3, 3)]


def test_equal_pixels_are_an_exact_pair_and_each_pair_is_listed_once():
    images = list(nodule_crops(5))

    assert near_duplicates(fingerprints([*images, images[1]]), rigid=True) == [Pair(1, 5, "exact", 1.0)]


def test_equal_pixels_of_another_type_or_shape_are_not_exact():
    image = nodule_crops(1)[0]

    (pair,) = near_duplicates(fingerprints([image, image.astype(np.float32)]), rigid=False)

    assert pair.kind == "near"
    assert pair.correlation > 0.999


def test_images_without_content_are_pairs_only_if_they_are_equal():
    air, water = np.full((40, 40), -1000, np.int16), np.zeros((40, 40), np.int16)

    assert near_duplicates(fingerprints([air, water, air]), rigid=True) == [Pair(0, 2, "exact", 1.0)]


def test_nothing_is_compared_with_nothing():
    assert near_duplicates(fingerprints([]), rigid=True) == []


@needs_shared_data
@pytest.mark.slow
def test_identical_crops_of_lidc_are_found_and_no_two_patients_are_taken_for_one():
    crops = np.load(SHARED_DATA / "lidc_crops/nodules_hu.npz")["hu"]
    patients = pd.read_csv(SHARED_DATA / "lidc_crops/nodules.csv")["patient_id"].to_numpy()

    pairs = near_duplicates(fingerprints(crops), rigid=True)

    assert [(pair.first, pair.second) for pair in pairs if pair.kind == "exact"] == [
        (85, 88),
        (185, 186),
        (224, 225),
        (1736, 1739),
    ]
    assert len(pairs) > 30
    assert all(patients[pair.first] == patients[pair.second] for pair in pairs)  # of 1.8 million


@needs_shared_data
@pytest.mark.slow
@pytest.mark.parametrize("change", INTENSITY | RIGID)
def test_copies_of_lidc_crops_are_found(change):
    crops = np.load(SHARED_DATA / "lidc_crops/nodules_hu.npz")["hu"][::20]

    share, _ = copies_found(crops, (INTENSITY | RIGID)[change], rigid=change in RIGID)

    assert share >= (1.0 if change in INTENSITY else 0.95)
