"""What images are compared by."""

import numpy as np
import pytest

from lungml.similarity.fingerprint import digest, fingerprints, small_picture, structure, unit_rows

IMAGE_HU = np.random.default_rng(0).integers(-1000, 400, (40, 50)).astype(np.int16)


def test_a_checksum_is_of_values_type_and_shape():
    changed = IMAGE_HU.copy()
    changed[0, 0] += 1
    others = (changed, IMAGE_HU.astype(np.int32), IMAGE_HU.reshape(50, 40))

    assert digest(IMAGE_HU) == digest(np.asfortranarray(IMAGE_HU))
    assert len({digest(IMAGE_HU), *map(digest, others)}) == 4


@pytest.mark.parametrize(("hu", "share"), [(-1000, 0.0), (-2000, 0.0), (-300, 0.5), (400, 1.0), (3000, 1.0)])
def test_a_picture_goes_from_air_to_bone(hu, share):
    picture = small_picture(np.full((30, 20), hu), 8, (-1000.0, 400.0))

    assert picture.shape == (8, 8)
    assert picture == pytest.approx(share)


def test_an_image_and_its_enlarged_copy_have_the_same_picture():
    large = IMAGE_HU.repeat(4, axis=0).repeat(4, axis=1)

    one, other = fingerprints([IMAGE_HU.repeat(2, axis=0).repeat(2, axis=1), large]).pictures

    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.99
    assert one.mean() == pytest.approx(other.mean(), abs=1e-3)


def test_no_images_have_no_fingerprints():
    assert len(fingerprints([])) == 0


def test_products_of_unit_rows_are_correlations():
    values = np.random.default_rng(1).normal(size=(3, 4, 5)).astype(np.float32)

    rows = unit_rows(values)

    assert rows @ rows.T == pytest.approx(np.corrcoef(values.reshape(3, 20)), abs=1e-5)


def test_a_constant_row_correlates_with_nothing():
    assert unit_rows(np.full((1, 6), 3.0, np.float32)).tolist() == [[0.0] * 6]


def test_structure_is_the_same_whatever_the_brightness_and_nearly_so_whatever_the_contrast():
    picture = small_picture(IMAGE_HU, 64, (-1000.0, 400.0))[None]

    plain, brighter, weaker = (structure(each, 1, 4) for each in (picture, picture + 0.2, picture * 0.7))

    assert brighter == pytest.approx(plain, abs=1e-4)
    assert np.corrcoef(plain.ravel(), weaker.ravel())[0, 1] > 0.99
    assert not structure(np.full((1, 64, 64), 0.5, np.float32), 1, 4).any()
