"""Maps of bundles of one and of several members, on images of which something is known."""

from dataclasses import replace

import numpy as np
import pytest
from small_cohort import SIZE_PX, make_bundle, write_cohort

from lungml.explain.maps import check_maps, map_images
from lungml.params.evaluation import ExplainParams

PARAMS = ExplainParams(min_cells=4, batch_size=2)
CLASSES = np.array([0, 1, 1])


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """Two models of one cohort with other backbones."""
    cohort = write_cohort(tmp_path_factory.mktemp("cohort") / "all")
    return make_bundle(cohort), make_bundle(cohort, backbone="mobilenetv3_small_050")


def images_hu():
    return np.random.default_rng(0).integers(-1000, 400, (3, 1, SIZE_PX, SIZE_PX)).astype(np.int16)


def narrow(bundle, share):
    """The same model, fed the middle of each view."""
    (member,) = bundle.members
    seen = replace(member.normalisation, centre_share=share)
    return replace(bundle, members=(replace(member, normalisation=seen),))


def test_a_map_has_the_size_of_the_image_and_the_sum_1(bundles):
    found = map_images(bundles[0], images_hu(), CLASSES, PARAMS)

    assert found.values.shape == (3, SIZE_PX, SIZE_PX)
    assert found.values.min() >= 0
    assert found.values.sum(axis=(1, 2)) == pytest.approx(1.0, abs=1e-5)


def test_the_map_of_several_members_is_the_mean_of_theirs(bundles):
    ensemble = replace(bundles[0], members=(*bundles[0].members, *bundles[1].members))
    alone = [map_images(bundle, images_hu(), CLASSES, PARAMS) for bundle in bundles]

    found = map_images(ensemble, images_hu(), CLASSES, PARAMS)

    assert found.values == pytest.approx((alone[0].values + alone[1].values) / 2, abs=1e-7)
    assert found.cell_px == max(maps.cell_px for maps in alone)


def test_a_member_that_sees_the_middle_has_its_map_there(bundles):
    found = map_images(narrow(bundles[0], 0.5), images_hu(), CLASSES, PARAMS)

    quarter = SIZE_PX // 4
    inside = found.values[:, quarter:-quarter, quarter:-quarter]
    assert inside.sum(axis=(1, 2)) == pytest.approx(1.0, abs=1e-5)
    assert found.cell_px == map_images(bundles[0], images_hu(), CLASSES, PARAMS).cell_px / 2


def test_what_lies_outside_the_middle_changes_nothing_of_its_map(bundles):
    edges = images_hu()
    edges[..., :6, :] = 300

    found = [map_images(narrow(bundles[0], 0.5), images, CLASSES, PARAMS) for images in (images_hu(), edges)]

    assert (found[0].values == found[1].values).all()


def test_maps_are_checked_on_what_the_first_member_sees(bundles):
    whole, narrowed = (
        check_maps(bundle, images_hu(), classes=CLASSES, labels=CLASSES, params=PARAMS)
        for bundle in (bundles[0], narrow(bundles[0], 0.5))
    )

    assert whole[0].gain != narrowed[0].gain
