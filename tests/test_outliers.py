import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from lungml.errors import InputError
from lungml.outliers import DETECTORS, knn_distance, mahalanobis_distance, score_outliers, tsne_coordinates
from lungml.params.model import OutlierParams

PARAMS = OutlierParams(neighbours=5, perplexity=20.0, trees=100)


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):  # small matrices; as the stage does
        yield


def cohort(rng, nodules=200, features=64, planted=6):
    """Nodules on a curved sheet in feature space; the last `planted` are shifted off it."""
    hidden = rng.normal(size=(nodules, 6))
    embedding = np.tanh(hidden @ rng.normal(size=(6, features))) + 0.1 * rng.normal(size=(nodules, features))
    embedding[nodules - planted :] += rng.normal(size=(planted, features)) * 3.0
    return embedding, np.arange(nodules) % 5


@pytest.mark.parametrize("seed", range(5))
def test_planted_outliers_rank_on_top_wherever_they_are(seed):
    rng = np.random.default_rng(seed)
    embedding, fold = cohort(rng)
    fold[197:] = -1  # three of the six are outside train
    fold[:40] = -1

    scored = score_outliers(embedding, fold, PARAMS)

    assert set(scored.nsmallest(6, "rank").index) == set(range(194, 200))


def test_nodules_of_train_look_no_more_usual_than_others_of_their_kind():
    rng = np.random.default_rng(1)
    # More features than nodules: scored by the fit they took part in, train would look far too usual.
    embedding, fold = rng.normal(size=(240, 300)), np.arange(240) % 5
    fold[120:] = -1

    scored = score_outliers(embedding, fold, PARAMS)

    for detector in DETECTORS:
        train, others = scored[detector][:120], scored[detector][120:]
        assert abs(train.median() - others.median()) < 0.35 * scored[detector].std(), detector


def test_the_other_parts_have_no_say_in_what_is_usual():
    rng = np.random.default_rng(2)
    embedding, fold = cohort(rng)
    fold[100:] = -1
    changed = embedding.copy()
    changed[100:] = 1e3 * rng.normal(size=changed[100:].shape)

    before, after = (score_outliers(features, fold, PARAMS)[:100] for features in (embedding, changed))

    for detector in DETECTORS:
        np.testing.assert_array_equal(before[detector], after[detector])


def test_knn_distance_is_the_mean_over_the_nearest():
    fit = np.array([[0.0, 0.0], [3.0, 4.0], [100.0, 0.0]])

    distance = knn_distance(fit, np.array([[0.0, 0.0]]), OutlierParams(neighbours=2))

    assert distance == pytest.approx([2.5])  # (0 + 5) / 2


def test_mahalanobis_agrees_with_scikit_learns_ledoit_wolf():
    from sklearn.covariance import LedoitWolf

    rng = np.random.default_rng(3)
    fit, rows = rng.normal(size=(50, 20)) * np.arange(1, 21), rng.normal(size=(30, 20)) * 5

    distance = mahalanobis_distance(fit, rows, PARAMS)

    np.testing.assert_allclose(distance**2, LedoitWolf().fit(fit).mahalanobis(rows), rtol=1e-9)


def test_a_train_part_of_one_fold_is_refused_with_what_to_do():
    with pytest.raises(InputError, match=r"split\.folds"):
        score_outliers(np.ones((20, 3)), np.zeros(20, dtype=np.int64), PARAMS)


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
