import numpy as np
import pytest

from lungml.outliers import STATISTICS, image_statistics
from lungml.outliers.image_statistics import deviations


def statistics(image_hu):
    return dict(zip(STATISTICS, image_statistics(np.asarray(image_hu, np.int16)[None])[0], strict=True))


def test_statistics_of_a_small_image_by_hand():
    image = np.full((10, 10), -1000)
    image[2:, 0:5] = 40
    image[9, 9] = 1000

    found = statistics(image)

    assert found["mean"] == pytest.approx((59 * -1000 + 40 * 40 + 1000) / 100)
    assert found["spread"] == pytest.approx(image.std())
    assert (found["q25"], found["q50"], found["q75"], found["highest"]) == (-1000, -1000, 40, 1000)
    assert (found["air"], found["lung"], found["tissue"], found["bone"]) == (59, 0, 40, 1)
    assert (found["lowest-clipped"], found["highest-clipped"]) == (59, 1)
    assert found["values"] == pytest.approx(np.log2(3))
    assert found["constant"] == pytest.approx(100 * (2 + 4) / 20)


def test_a_blank_image_is_all_one_value():
    found = statistics(np.full((16, 16), -1000))

    assert (found["constant"], found["lowest-clipped"], found["highest-clipped"]) == (100, 100, 100)
    assert (found["spread"], found["steps"], found["grain"], found["values"]) == (0, 0, 0, 0)


def test_what_lies_low_and_right_is_said_to():
    image = np.full((21, 21), -850)
    image[20, 15] = 30

    found = statistics(image)

    assert (found["down"], found["across"]) == (50, 25)
    assert statistics(image[::-1])["down"] == -50


def test_noise_is_measured_beside_edges():
    rng = np.random.default_rng(0)
    image = np.where(np.arange(64) < 32, -850, 40) + rng.normal(0, 20, (64, 64))

    # The distance of a pixel from the mean of four others has deviation sqrt(1 + 1/4) sigma; 0.6745: median.
    assert statistics(image)["grain"] == pytest.approx(0.6745 * np.sqrt(1.25) * 20, rel=0.1)


def test_thin_bright_lines_are_strokes_and_a_ball_is_none():
    line, ball = np.full((32, 32), -1000), np.full((32, 32), -1000)
    line[10, 4:28] = 3000
    ball[8:20, 8:20] = 3000

    assert statistics(line)["strokes"] == pytest.approx(100 * 24 / 1024)
    assert statistics(ball)["strokes"] == 0


def test_the_rim_is_the_mean_of_the_outermost_pixels():
    image = np.full((32, 32), 40)
    image[2:-2, 2:-2] = -850

    assert statistics(image)["rim"] == pytest.approx(40)


def test_more_images_than_a_chunk_give_what_each_gives_alone():
    images = np.random.default_rng(1).integers(-1000, 400, (130, 12, 12)).astype(np.int16)

    together = image_statistics(images)

    alone = image_statistics(images[[0, 64, 129]])
    np.testing.assert_allclose(together[[0, 64, 129]], alone, rtol=1e-6, atol=1e-9)


def test_a_statistic_that_never_varies_in_train_has_its_least_spread():
    fit = np.zeros((50, len(STATISTICS)))
    rows = np.array([[statistic.least_spread for statistic in STATISTICS.values()]])

    np.testing.assert_array_equal(deviations(fit, rows), 1)
