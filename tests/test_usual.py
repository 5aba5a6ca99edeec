import numpy as np
import pytest

from lungml.usual import Cloud, Usual, as_arrays, distances, from_arrays


def make_cloud(*, middle=0.0, spread=1.0):
    """A covariance of [[4, 2], [2, 10]] about (1, 1), in features that are halved."""
    half = np.linalg.cholesky(np.array([[1.0, 0.5], [0.5, 2.5]])).astype(np.float32)
    return Cloud(np.ones(2), np.full(2, 2.0), half, np.asarray(middle), np.asarray(spread))


def test_mahalanobis_distance_is_that_of_the_inverse_covariance():
    off = np.array([[3.0, -1.0], [0.0, 0.0], [2.0, 5.0]])

    found = make_cloud().mahalanobis(off + 1)

    inverse = np.linalg.inv(np.array([[4.0, 2.0], [2.0, 10.0]]))
    assert found == pytest.approx([np.sqrt(row @ inverse @ row) for row in off])


def test_the_depth_at_which_an_image_is_farthest_counts_each_by_how_far_it_usually_varies():
    clouds = {0.2: make_cloud(middle=1.0, spread=2.0), 1.0: make_cloud(middle=1.0, spread=0.5)}
    centre, odd = np.ones((1, 2)), np.array([[9.0, 1.0]])
    length = float(make_cloud().mahalanobis(odd)[0])

    found = distances(clouds, {0.2: np.vstack([centre, odd]), 1.0: np.vstack([odd, centre])})

    assert found == pytest.approx([(length - 1) / 0.5, (length - 1) / 2])


@pytest.mark.parametrize(("abstention", "threshold"), [(0.05, 19), (0.1, 18), (0.2, 16), (0.01, 19)])
def test_so_many_new_images_lie_beyond_the_threshold(abstention, threshold):
    """Of 19 held-out images and a new one each of 20 ranks is as likely."""
    usual = Usual({1.0: make_cloud()}, np.arange(1.0, 20.0))

    assert usual.threshold(abstention) == threshold


@pytest.mark.parametrize(("count", "percent"), [(99, 45), (24, 44), (199, 45), (99, 29)])
def test_a_share_that_falls_on_a_rank_is_met_exactly(count, percent):
    """Of 100 equally likely ranks, 45 lie beyond the 55th; 100 * (1 - 0.45) is a float above 55."""
    usual = Usual({1.0: make_cloud()}, np.arange(1.0, count + 1))

    beyond = count + 1 - usual.threshold(percent / 100)

    assert beyond * 100 == percent * (count + 1)


def test_arrays_come_back_as_what_they_were_made_of():
    usual = Usual({0.2: make_cloud(middle=3.0), 1.0: make_cloud(spread=2.0)}, np.array([0.5, 1.5]))

    found = from_arrays(as_arrays(usual))

    assert list(found.clouds) == [0.2, 1.0]
    assert np.array_equal(found.held_out, usual.held_out)
    rows = {depth: np.random.default_rng(0).normal(size=(4, 2)) for depth in usual.clouds}
    assert np.array_equal(distances(found.clouds, rows), distances(usual.clouds, rows))
