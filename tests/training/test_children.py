import numpy as np
import pandas as pd
import pytest
import torch
from training_examples import AUGMENT, make_examples

from lungml.augment.geometric import Geometry, warp
from lungml.params.model import RecipeParams
from lungml.training.children import make_children


def children(seed=1, **changes):
    return make_children(make_examples("n", 40), RecipeParams(augment=AUGMENT, **changes), seed=seed)


@pytest.mark.parametrize(
    ("asked", "counts"),
    [
        ({"upsample_share": 1.0}, [30, 30]),
        ({"upsample_share": 0.5}, [30, 15]),
        ({"upsample_counts": (35, 52)}, [35, 52]),
    ],
)
def test_classes_have_as_many_images_as_was_asked(asked, counts):
    found = children(**asked)

    assert np.bincount(found.plan["label"]).tolist() == counts
    assert len(found.images_hu) == sum(counts)


def test_every_image_of_train_is_there_as_it_is_before_its_children():
    train, found = make_examples("n", 40), children()
    own = (found.plan["copy"] == 0).to_numpy()

    assert found.plan["image_id"][own].tolist() == list(train.nodule_ids)
    assert np.array_equal(found.images_hu[own], train.images_hu)
    assert found.plan["angle_degrees"][own].isna().all()
    assert found.plan["image_id"].is_unique


def test_a_child_has_the_class_of_its_parent_and_the_pixels_that_the_plan_says():
    train, found = make_examples("n", 40), children()
    made = found.plan[found.plan["copy"] > 0]

    assert set(made["parent_id"]) <= set(train.nodule_ids)
    for row, child in made.iterrows():
        parent = train.nodule_ids.index(child["parent_id"])
        values = {name: np.array([child[name]]) for name in Geometry.__annotations__}
        values |= {name: values[name].astype(bool) for name in ("flip_x", "flip_y")}
        expected = warp(torch.from_numpy(train.images_hu[[parent]]), Geometry(**values))
        assert child["label"] == train.labels[parent]
        assert np.abs(found.images_hu[row] - expected[0].numpy()).max() <= 0.51


def test_the_same_seed_makes_the_same_children_and_another_seed_others():
    first, again, other = children(), children(), children(seed=2)

    pd.testing.assert_frame_equal(first.plan, again.plan)
    assert np.array_equal(first.images_hu, again.images_hu)
    assert not np.array_equal(first.images_hu, other.images_hu)
