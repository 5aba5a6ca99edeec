import numpy as np
import pytest

from lungml.covariance import scale_of, shrunk_covariance, standardise


@pytest.mark.parametrize(("rows", "features"), [(50, 20), (40, 90), (3, 5)])
def test_covariance_is_shrunk_as_scikit_learn_does(rows, features):
    from sklearn.covariance import ledoit_wolf

    values = np.random.default_rng(3).normal(size=(rows, features)) * np.arange(1, features + 1)

    np.testing.assert_allclose(shrunk_covariance(values), ledoit_wolf(values)[0], rtol=1e-9, atol=1e-12)


def test_equal_rows_have_no_covariance_and_no_division_by_zero():
    assert (shrunk_covariance(np.ones((5, 3))) == 0).all()


def test_a_feature_that_hardly_varies_is_scaled_by_a_tenth_of_the_usual_deviation():
    fit = np.array([[0.0, 0.0, 5.0], [2.0, 20.0, 5.0]])  # deviations 1, 10 and 0, of which 5.5 is usual

    assert scale_of(fit) == pytest.approx([1.0, 10.0, 0.55])
    assert standardise(fit, np.array([[3.0, 0.0, 6.1]])) == pytest.approx(np.array([[2.0, -1.0, 2.0]]))
