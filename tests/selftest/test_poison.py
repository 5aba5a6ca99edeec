"""The poison test, the steps of the pipeline that pass it, and the wrong ones that do not."""

from dataclasses import replace

import numpy as np
import pytest
from nodule_pictures import nodule_crops

from lungml.selftest.poison import Hidden, Study, changed_by_poison
from lungml.selftest.process import RIGHT, WRONG, weights_that_know_lung_ct
from lungml.terms import Part

PARTS = np.repeat([part.value for part in Part], [40, 16, 16])


@pytest.fixture(scope="module")
def study():
    rng = np.random.default_rng(7)
    labels = np.arange(len(PARTS)) % 2
    images = nodule_crops(len(PARTS), size_px=32)[:, None]
    folds = np.where(PARTS == "test", -1, np.arange(len(PARTS)) % 4)
    return Study(images, labels, rng.uniform(1, 5, (len(PARTS), 4)), PARTS, folds)


def mean_of(*parts):
    return lambda study: {"mean": study.images_hu[study.rows(*parts)].mean(), "count": np.array(3)}


@pytest.mark.parametrize(
    ("parts", "hidden", "changed"),
    [
        ((Part.TRAIN,), Hidden.VAL_AND_TEST, []),
        ((Part.TRAIN, Part.VAL), Hidden.TEST, []),
        ((Part.TRAIN, Part.VAL), Hidden.VAL_AND_TEST, ["mean"]),
        ((Part.TEST,), Hidden.TEST, ["mean"]),
        ((Part.TEST,), Hidden.RATINGS, []),
    ],
)
def test_what_depends_on_hidden_rows_is_named(study, parts, hidden, changed):
    assert changed_by_poison(mean_of(*parts), study, hidden, 0) == changed


def test_labels_and_ratings_are_poisoned_too(study):
    def labels(study):
        return {"labels": study.labels}

    def ratings(study):
        return {"ratings": study.ratings}

    assert changed_by_poison(labels, study, Hidden.TEST, 0) == ["labels"]
    assert changed_by_poison(ratings, study, Hidden.RATINGS, 0) == ["ratings"]
    assert changed_by_poison(ratings, study, Hidden.VAL_AND_TEST, 0) == []


@pytest.mark.parametrize("name", RIGHT)
def test_a_step_of_the_pipeline_depends_on_train_and_not_on_what_is_hidden_from_it(study, name):
    step, hidden = RIGHT[name]
    images_hu = study.images_hu.copy()
    images_hu[study.rows(Part.TRAIN)] = images_hu[study.rows(Part.TRAIN)][::-1] // 2

    assert changed_by_poison(step, study, hidden, 0) == []
    before, after = step(study), step(replace(study, images_hu=images_hu))
    assert any(not np.array_equal(before[result], after[result]) for result in before)


@pytest.mark.parametrize("name", WRONG)
def test_a_step_done_wrongly_is_caught(study, name):
    wrong = WRONG[name]

    assert changed_by_poison(wrong.step, study, wrong.hidden, 0)


def test_weights_that_are_said_to_know_lung_ct_are_caught():
    assert weights_that_know_lung_ct().ok
