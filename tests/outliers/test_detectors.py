import numpy as np
import pytest

from lungml.outliers.detectors import image_deviation, knn_distance, mahalanobis_distance
from lungml.outliers.image_statistics import STATISTICS
from lungml.params.model import OutlierParams

PARAMS = OutlierParams()


def test_knn_distance_is_the_mean_over_the_nearest():
    # Both features have mean 0 and deviation 1, so that standardising changes nothing.
    fit = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])

    distance = knn_distance(fit, np.array([[1.0, 4.0]]), OutlierParams(neighbours=2))

    assert distance == pytest.approx([(3.0 + np.hypot(2.0, 3.0)) / 2])


def test_mahalanobis_agrees_with_scikit_learns_ledoit_wolf():
    from sklearn.covariance import LedoitWolf
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(3)
    fit, rows = rng.normal(size=(50, 20)), rng.normal(size=(30, 20)) * 5
    scaler = StandardScaler().fit(fit)

    distance = mahalanobis_distance(fit, rows, PARAMS)

    expected = LedoitWolf().fit(scaler.transform(fit)).mahalanobis(scaler.transform(rows))
    np.testing.assert_allclose(distance**2, expected, rtol=1e-9)


def test_three_odd_statistics_count_and_a_few_odd_images_in_train_do_not_hide_others():
    rng = np.random.default_rng(0)
    fit = rng.normal(size=(200, len(STATISTICS))) * 100.0
    fit[:15] += 1e4
    row = np.median(fit, axis=0)[None]
    odd = row.copy()
    odd[0, [2, 5, 7]] += 900.0

    (usual,), (deviation,) = (image_deviation(fit, rows, PARAMS) for rows in (row, odd))

    assert usual == 0
    assert deviation == pytest.approx(9.0, rel=0.3)
