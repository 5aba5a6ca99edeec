"""What the distance notices on phantom patients, in the eyes of an untrained backbone (docs/trust.md)."""

from dataclasses import replace

import numpy as np
import pytest
from phantom_views import SIZE_PX, abdomen, children_views, phantom_views
from small_cohort import make_bundle, write_cohort

from lungml.evaluation.gross_cases import GROSS_CASES, SUBTLE_CASES
from lungml.evaluation.ood import distances_from_train, embed, learn_usual, spoilt_cases
from lungml.params.data import ViewsParams
from lungml.terms import View

pytestmark = pytest.mark.slow

PATIENTS = 120
SHARP, SOFT = SUBTLE_CASES


@pytest.fixture(scope="module", params=View)
def noticed(request, tmp_path_factory):
    """View, and AUROC of each kind of image against those of 30 other patients; 60 are fitted on."""
    bundle = make_bundle(write_cohort(tmp_path_factory.mktemp("cohort")))
    model = replace(bundle, views=ViewsParams(size_px=SIZE_PX))
    views, organs = phantom_views(PATIENTS)
    images_hu = views[request.param][:, None].astype(np.int16)
    train, val, test = np.split(images_hu, [60, 90])
    usual = learn_usual(embed(model, train), embed(model, val))
    made = {
        "child": children_views(30)[request.param],
        "organ": organs[90:],
        "abdomen": np.stack([abdomen(image) for image in test[:, 0]]),
    }
    given = {name: (lambda _, rng, own=own: own[:, None].astype(np.int16)) for name, own in made.items()}
    rows = spoilt_cases(
        GROSS_CASES | SUBTLE_CASES | given,
        lambda each: distances_from_train(model, usual, each),
        distances_from_train(model, usual, test),
        test,
        threshold=usual.threshold(0.05),
        seed=0,
    )
    return request.param, {row["case"]: row["auroc"] for row in rows}


def test_grossly_wrong_images_are_told_from_right_ones(noticed):
    _, auroc = noticed

    assert {name: auroc[name] for name in GROSS_CASES if auroc[name] < 0.95} == {}


def test_a_slice_without_lung_and_a_crop_of_the_mediastinum_are_told_from_right_ones(noticed):
    view, auroc = noticed

    assert auroc["abdomen" if view is View.SLICE else "organ"] >= 0.95


def test_another_kernel_and_the_size_of_a_child_are_noticed_in_slices_and_hardly_in_crops(noticed):
    """What crops show of a child or a soft kernel is not called noticed anywhere."""
    view, auroc = noticed

    if view is View.SLICE:
        assert min(auroc[SHARP], auroc[SOFT], auroc["child"]) >= 0.9
    else:
        assert auroc[SHARP] >= 0.7
        assert max(auroc[SOFT], auroc["child"]) < 0.9
