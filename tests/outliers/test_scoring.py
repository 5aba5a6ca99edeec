import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from lungml.errors import InputError
from lungml.outliers import DETECTORS, STATISTICS, score_outliers
from lungml.params.model import OutlierParams

PARAMS = OutlierParams(neighbours=5, perplexity=20.0, trees=40)


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


def usual_images(rng, nodules):
    """Statistics of images of which none is odd."""
    return rng.normal(size=(nodules, len(STATISTICS))) * 100.0


@pytest.mark.parametrize("seed", range(5))
def test_planted_outliers_rank_on_top_wherever_they_are(seed):
    rng = np.random.default_rng(seed)
    embedding, fold = cohort(rng)
    fold[197:] = -1  # three of the six are outside train
    fold[:40] = -1

    scored = score_outliers(embedding, usual_images(rng, 200), fold, PARAMS)

    assert set(scored.nsmallest(6, "rank").index) == set(range(194, 200))


def test_nodules_of_train_look_no_more_usual_than_others_of_their_kind():
    rng = np.random.default_rng(1)
    # More features than nodules: scored by the fit they took part in, train would look far too usual.
    embedding, fold = rng.normal(size=(240, 300)), np.arange(240) % 5
    fold[120:] = -1

    scored = score_outliers(embedding, usual_images(rng, 240), fold, PARAMS)

    for detector in DETECTORS:
        train, others = scored[detector][:120], scored[detector][120:]
        assert abs(train.median() - others.median()) < 0.35 * scored[detector].std(), detector


def test_the_other_parts_have_no_say_in_what_is_usual():
    rng = np.random.default_rng(2)
    embedding, fold = cohort(rng)
    fold[100:] = -1
    images = usual_images(rng, 200)
    before = score_outliers(embedding, images, fold, PARAMS)[:100]
    for features in (embedding, images):
        features[100:] = 1e3 * rng.normal(size=features[100:].shape)

    after = score_outliers(embedding, images, fold, PARAMS)[:100]

    for column in (*DETECTORS, "unusual", "detector", "reason"):
        np.testing.assert_array_equal(before[column], after[column])


def test_the_reason_names_the_detector_and_the_statistic_that_are_off():
    rng = np.random.default_rng(6)
    embedding, fold = cohort(rng, planted=0)
    images = usual_images(rng, 200)
    images[:, list(STATISTICS).index("mean")] = -600.0 + rng.normal(size=200)
    images[7, list(STATISTICS).index("mean")] = 424.0

    scored = score_outliers(embedding, images, fold, PARAMS)

    assert (scored["rank"][7], scored["detector"][7]) == (1, "image")
    assert scored["reason"][7].startswith("image ")
    assert scored["reason"][7].endswith("deviations above train; mean 424 HU, in train mostly -601 to -599")


def test_a_train_part_of_one_fold_is_refused_with_what_to_do():
    with pytest.raises(InputError, match=r"split\.folds"):
        score_outliers(np.ones((20, 3)), np.ones((20, 25)), np.zeros(20, dtype=np.int64), PARAMS)
