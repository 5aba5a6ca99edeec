import math

import numpy as np
import pytest

from lungml.ct.statistics import Collector
from lungml.quarantine import RefusedError


def summary(hu, padding=None):
    hu = np.asarray(hu, dtype=np.int16)
    collector = Collector()
    for z, plane in enumerate(hu):
        collector.add(plane, np.zeros(plane.shape, bool) if padding is None else padding[z])
    return collector.result("series")


def body(shape=(3, 20, 20), seed=0):
    rng = np.random.default_rng(seed)
    hu = rng.normal(-990, 10, shape)
    hu[:, 5:15, 5:15] = rng.normal(45, 12, (shape[0], 10, 10))
    hu[:, 8:12, 8:12] = rng.normal(-870, 20, (shape[0], 4, 4))
    return np.rint(hu).astype(np.int16)


def test_quantiles_are_values_that_enough_pixels_do_not_exceed():
    hu = body()

    result = summary(hu)

    for value, share in ((result.hu_p01, 0.01), (result.hu_p50, 0.5), (result.hu_p99, 0.99)):
        assert value == np.quantile(hu, share, method="inverted_cdf")
    assert (result.hu_min, result.hu_max) == (hu.min(), hu.max())


def test_modes_are_the_most_frequent_values_of_their_ranges():
    hu = body()
    hu[:, 0, :] = -1003
    hu[:, 7, 5:15] = 52

    result = summary(hu)

    assert (result.air_mode_hu, result.tissue_mode_hu) == (-1003, 52)
    assert -950 <= result.lung_mode_hu < -600


def test_a_mode_without_pixels_is_not_a_number():
    hu = np.full((2, 10, 10), 50)
    hu[:, :3] = -1000

    assert math.isnan(summary(hu).lung_mode_hu)


def test_padding_takes_no_part_in_statistics():
    hu = body()
    padding = np.zeros(hu.shape, bool)
    padding[:, :2] = True
    hu[padding] = -1000

    result = summary(hu, padding)

    assert result.padding_fraction == pytest.approx(0.1)
    assert result.hu_p50 == np.quantile(hu[~padding], 0.5, method="inverted_cdf")


def test_equal_pixels_have_equal_checksums_however_they_arrive():
    hu = body()
    at_once = Collector()
    at_once.add(hu, np.zeros(hu.shape, bool))
    turned = Collector()
    turned.add(np.asfortranarray(hu), np.zeros(hu.shape, bool))

    assert summary(hu).pixels_sha256 == at_once.result("").pixels_sha256 == turned.result("").pixels_sha256


@pytest.mark.parametrize(
    "wrong",
    [lambda hu: hu + 1024, lambda hu: hu - 1024, lambda hu: -hu, lambda hu: hu * 8, lambda hu: hu * 0],
    ids=["1024 up", "1024 down", "inverted", "8 times", "constant"],
)
def test_values_that_are_no_hu_of_a_body_are_refused(wrong):
    with pytest.raises(RefusedError, match="LM-D025"):
        summary(wrong(body()))


@pytest.mark.parametrize(("shift", "direction"), [(1024, "high"), (-1024, "low")])
def test_values_off_by_the_usual_intercept_are_said_to_be(shift, direction):
    hu = body() + shift
    padding = hu < -1500  # as the reader takes it
    hu[padding] = -1000

    with pytest.raises(RefusedError, match=f"LM-D025.*as if 1024 HU too {direction}"):
        summary(hu, padding)


def test_implausible_values_of_another_kind_are_not_said_to_be_shifted():
    with pytest.raises(RefusedError, match="LM-D025") as caught:
        summary(np.full((2, 10, 10), 3000))

    assert "as if" not in str(caught.value)


@pytest.mark.parametrize("turned", [lambda hu: -hu, lambda hu: 2047 - hu])
def test_inverted_values_of_a_monochrome1_image_are_refused_as_such(turned):
    collector = Collector()
    hu = turned(body())
    collector.add(hu, np.zeros(hu.shape, bool))

    with pytest.raises(RefusedError, match="LM-D028"):
        collector.result("series", white_is_low=True)


def test_upright_values_of_a_monochrome1_image_are_hu():
    collector = Collector()
    collector.add(body(), np.zeros(body().shape, bool))

    assert collector.result("series", white_is_low=True).air_mode_hu == summary(body()).air_mode_hu
