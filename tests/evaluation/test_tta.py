import numpy as np
import pytest
from small_cohort import SIZE_PX, make_bundle, write_cohort

from lungml.bundle import predict
from lungml.evaluation.tta import VIEWS, predict_tta

IMAGES_HU = np.random.default_rng(0).integers(-1000, 400, (3, 1, SIZE_PX, SIZE_PX)).astype(np.int16)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(write_cohort(tmp_path_factory.mktemp("cohort") / "all"))


def test_there_are_five_views_and_no_two_are_the_same():
    views = [view(IMAGES_HU).tobytes() for view in VIEWS.values()]

    assert len(set(views)) == 5


def test_every_view_only_moves_pixels():
    for name, view in VIEWS.items():
        assert view(IMAGES_HU).shape == IMAGES_HU.shape, name
        assert (np.sort(view(IMAGES_HU), axis=None) == np.sort(IMAGES_HU, axis=None)).all(), name


def test_the_answer_is_the_mean_of_the_answers_to_the_five_images(bundle):
    turned = [np.array(IMAGES_HU) for _ in range(5)]
    turned[1] = np.flip(IMAGES_HU, axis=3)
    turned[2] = np.flip(IMAGES_HU, axis=2)
    turned[3] = np.flip(IMAGES_HU.transpose(0, 1, 3, 2), axis=2)
    turned[4] = np.flip(IMAGES_HU.transpose(0, 1, 3, 2), axis=3)

    expected = np.mean([predict(bundle, np.ascontiguousarray(images)) for images in turned], axis=0)

    assert predict_tta(bundle, IMAGES_HU) == pytest.approx(expected, abs=1e-12)
    assert predict_tta(bundle, IMAGES_HU) != pytest.approx(predict(bundle, IMAGES_HU), abs=1e-6)


def test_the_same_images_give_the_same_answer(bundle):
    assert (predict_tta(bundle, IMAGES_HU) == predict_tta(bundle, IMAGES_HU)).all()


def test_an_image_and_its_mirror_image_get_the_same_mean_over_mirrors(bundle):
    symmetric = np.maximum(IMAGES_HU, IMAGES_HU[..., ::-1])

    assert predict_tta(bundle, symmetric) == pytest.approx(predict_tta(bundle, symmetric[..., ::-1].copy()))
