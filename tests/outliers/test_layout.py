import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from lungml.outliers import tsne_coordinates
from lungml.params.model import OutlierParams

PARAMS = OutlierParams(perplexity=20.0)


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):  # small matrices; as the stage does
        yield


def test_tsne_keeps_two_groups_apart_and_is_repeatable():
    rng = np.random.default_rng(4)
    embedding = np.concatenate([rng.normal(size=(40, 30)), 8 + rng.normal(size=(40, 30))])

    first, second = (tsne_coordinates(embedding, PARAMS) for _ in range(2))

    np.testing.assert_array_equal(first, second)
    centres = first[:40].mean(axis=0), first[40:].mean(axis=0)
    nearest = [np.argmin([np.linalg.norm(point - centre) for centre in centres]) for point in first]
    assert nearest == [0] * 40 + [1] * 40


def test_tsne_lowers_its_perplexity_for_few_nodules():
    coordinates = tsne_coordinates(np.random.default_rng(5).normal(size=(7, 30)), PARAMS)

    assert coordinates.shape == (7, 2)
    assert np.isfinite(coordinates).all()
