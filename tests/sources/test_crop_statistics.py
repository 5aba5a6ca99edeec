import math

import numpy as np
import pytest

from lungml.sources.crop_statistics import crop_statistics, middle_px


def test_the_figures_are_those_of_a_ball_in_lung():
    y, x = np.indices((40, 50)) - np.array([19.5, 24.5])[:, None, None]
    image_hu = np.where(np.hypot(y, x) <= 4, 50, -850).astype(np.int16)
    image_hu[0, :10] = -1000  # half a percent
    image_hu[-4:] = 700  # a tenth

    found = crop_statistics(image_hu, diameter_px=8.0)

    assert (found.hu_p01, found.hu_p05, found.middle_hu) == (-850, -850, 50)
    assert found.dense_fraction == pytest.approx(0.1)


@pytest.mark.parametrize("diameter_px", [0.5, math.nan])
def test_the_middle_is_at_least_two_pixels_around_the_centre(diameter_px):
    image_hu = np.full((21, 21), -850, np.int16)
    image_hu[8:13, 8:13] = 30

    assert crop_statistics(image_hu, diameter_px).middle_hu == 30


def test_a_nodule_of_unknown_size_is_taken_for_one_of_5_mm():
    assert middle_px(math.nan, 0.5) == 10
    assert middle_px(8.0, 0.5) == 16
