import numpy as np
import pandas as pd
import pytest
from small_cohort import make_bundle, write_cohort

from lungml.evaluation.gross_cases import GROSS_CASES
from lungml.evaluation.ood import (
    DEPTHS,
    abstained,
    distances,
    embed,
    judge_distances,
    learn_usual,
    mahalanobis,
)
from lungml.imaging.store import read_store
from lungml.params.evaluation import EvaluateParams
from lungml.tables import SPLIT, read_table


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return write_cohort(tmp_path_factory.mktemp("cohort"))


def draw(rng, count, shift=0.0, width=8):
    mixed = rng.normal(size=(count, width)) @ np.triu(np.ones((width, width)))
    return {1.0: mixed + shift}


def test_distance_is_mahalanobis_where_there_are_many_images():
    rng = np.random.default_rng(0)
    train = draw(rng, 50_000)
    inverse = np.linalg.inv(np.cov(train[1.0].T))
    rows = draw(rng, 20, shift=2.0)

    found = mahalanobis(train[1.0], learn_usual(train, train, 0.05).halves[1.0], rows[1.0])

    centred = rows[1.0] - train[1.0].mean(axis=0)
    expected = np.sqrt(np.einsum("ni,ij,nj->n", centred, inverse, centred))
    assert found == pytest.approx(expected, rel=0.01)


def test_about_five_percent_of_usual_images_are_abstained_from():
    shares = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        usual = learn_usual(draw(rng, 300), draw(rng, 200), 0.05)
        far = distances(usual, draw(rng, 300))
        shares.append(abstained(usual, far, np.arange(300), 0.95)["abstained"]["value"])

    assert np.mean(shares) == pytest.approx(0.05, abs=0.01)


def test_the_depth_at_which_an_image_is_farthest_counts():
    rng = np.random.default_rng(0)
    train, val = ({0.2: draw(rng, 300)[1.0], 1.0: draw(rng, 300)[1.0]} for _ in range(2))
    usual = learn_usual(train, val, 0.05)
    odd_early = {0.2: draw(rng, 50, shift=30.0)[1.0], 1.0: draw(rng, 50)[1.0]}

    assert (distances(usual, odd_early) > usual.threshold).all()


def test_a_backbone_is_looked_at_at_every_depth(cohort):
    images_hu = read_store(cohort.views).images_hu[:5]

    seen = embed(make_bundle(cohort), np.asarray(images_hu))

    assert set(seen) == set(DEPTHS)
    assert all(len(vectors) == 5 for vectors in seen.values())


def test_grossly_wrong_images_are_told_from_right_ones(cohort):
    split = read_table(cohort.split, SPLIT)

    found = judge_distances(make_bundle(cohort), read_store(cohort.views), split, EvaluateParams())

    assert {row["case"] for row in found["gross"]} == set(GROSS_CASES)
    assert {row["case"]: row["auroc"] for row in found["gross"] if row["auroc"] < 0.95} == {}
    assert found["abstained"]["value"] <= 0.25


def test_wrong_images_are_what_they_are_called():
    images_hu = np.array([[[[-1000, 0], [400, 2000]]]], dtype=np.int16)
    rng = np.random.default_rng(0)

    made = {name: spoil(images_hu, rng).ravel().tolist() for name, spoil in GROSS_CASES.items()}

    assert made["inverted"] == [400, -600, -1000, -1000]
    assert made["blank"] == [-1000] * 4
    assert made["screen greys"] == [0, 182, 255, 255]
    assert made["shifted by 1024 HU"] == [24, 1024, 1424, 3024]
    assert all(-1000 <= value < 400 for value in made["noise"])
    assert pd.Series(made["noise"]).nunique() > 1
