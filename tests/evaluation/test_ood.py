from dataclasses import replace

import numpy as np
import pytest
from small_cohort import make_bundle, write_cohort

from lungml.bundle import predict
from lungml.evaluation.gross_cases import GROSS_CASES, SUBTLE_CASES
from lungml.evaluation.ood import (
    DEPTHS,
    abstained,
    distances_from_train,
    embed,
    judge_distances,
    learn_usual,
    learn_usual_across,
    usual_of,
)
from lungml.imaging.ledger import watch
from lungml.imaging.store import read_store
from lungml.params.evaluation import EvaluateParams
from lungml.tables import SPLIT, read_table
from lungml.usual import distances


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

    found = learn_usual(train, train).clouds[1.0].mahalanobis(rows[1.0])

    centred = rows[1.0] - train[1.0].mean(axis=0)
    expected = np.sqrt(np.einsum("ni,ij,nj->n", centred, inverse, centred))
    assert found == pytest.approx(expected, rel=0.01)


def test_about_five_percent_of_usual_images_are_abstained_from():
    shares = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        usual = learn_usual(draw(rng, 300), draw(rng, 200))
        far = distances(usual.clouds, draw(rng, 300))
        found = abstained(far, usual.threshold(0.05), np.arange(300), EvaluateParams())
        shares.append(found["abstained"]["value"])

    assert np.mean(shares) == pytest.approx(0.05, abs=0.01)


def test_where_nothing_was_left_out_folds_say_how_much_usual_images_vary():
    """100 features of 300 images: the images that make a cloud lie too near to it to fix a threshold."""
    across, on_itself = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        known, new = draw(rng, 300, width=100), draw(rng, 300, width=100)
        for shares, usual in (
            (across, learn_usual_across(known, np.arange(300) % 5)),
            (on_itself, learn_usual(known, known)),
        ):
            shares.append((distances(usual.clouds, new) > usual.threshold(0.05)).mean())

    assert 0.02 < np.mean(across) < 0.07
    assert np.mean(on_itself) > 0.5


def test_the_depth_at_which_an_image_is_farthest_counts():
    rng = np.random.default_rng(0)
    train, val = ({0.2: draw(rng, 300)[1.0], 1.0: draw(rng, 300)[1.0]} for _ in range(2))
    usual = learn_usual(train, val)
    odd_early = {0.2: draw(rng, 50, shift=30.0)[1.0], 1.0: draw(rng, 50)[1.0]}

    assert (distances(usual.clouds, odd_early) > usual.threshold(0.05)).all()


def test_the_median_of_held_out_images_is_0_and_their_90th_percentile_1():
    rng = np.random.default_rng(0)

    held_out = learn_usual(draw(rng, 300), draw(rng, 200)).held_out

    assert np.quantile(held_out, [0.5, 0.9]) == pytest.approx([0.0, 1.0])
    assert (np.diff(held_out) >= 0).all()


def test_a_feature_that_is_dead_in_train_may_not_wake_up():
    rng = np.random.default_rng(0)
    train, val = ({1.0: np.column_stack([draw(rng, 300)[1.0], np.zeros(300)])} for _ in range(2))

    usual = learn_usual(train, val)

    woken = {1.0: val[1.0] + np.eye(9)[8]}
    assert (distances(usual.clouds, woken) > usual.threshold(0.05)).all()
    assert (distances(usual.clouds, val) <= usual.held_out[-1]).all()


def test_a_backbone_is_looked_at_at_every_depth(cohort):
    images_hu = read_store(cohort.views).images_hu[:5]

    seen = embed(make_bundle(cohort), np.asarray(images_hu))

    assert list(seen) == [0.0, *DEPTHS]
    assert all(len(vectors) == 5 for vectors in seen.values())


def test_grossly_wrong_images_are_told_from_right_ones(cohort):
    split = read_table(cohort.split, SPLIT)

    found = judge_distances(make_bundle(cohort), read_store(cohort.views), split, EvaluateParams())

    assert {row["case"] for row in found["gross"]} == set(GROSS_CASES)
    assert {row["case"]: row["auroc"] for row in found["gross"] if row["auroc"] < 0.95} == {}
    assert {row["case"] for row in found["subtle"]} == set(SUBTLE_CASES)
    assert found["abstained"]["value"] <= 0.25


@pytest.mark.parametrize(("fit", "threshold_on"), [("train", "validation"), ("folds", "left-out fold")])
def test_the_threshold_is_fixed_on_what_the_first_member_left_out(cohort, fit, threshold_on):
    split = read_table(cohort.split, SPLIT)
    known = split["part"] != "test"
    by_fold = split["part"].astype("object").mask(known, "train").mask(known & (split["fold"] == 0), "val")
    model, store = make_bundle(cohort), read_store(cohort.views)

    found = judge_distances(replace(model, history={"fit": fit}), store, split, EvaluateParams())

    as_left_out = split.assign(part=by_fold) if fit == "folds" else split
    same = judge_distances(model, store, as_left_out, EvaluateParams())
    assert found["threshold_on"] == threshold_on
    assert found["threshold"] == same["threshold"]


def test_the_threshold_of_a_refit_model_is_fixed_on_the_folds_of_train_and_validation(cohort):
    split = read_table(cohort.split, SPLIT).sort_values("nodule_id")
    known = split[split["part"] != "test"]
    model, store = make_bundle(cohort), read_store(cohort.views)

    found = judge_distances(replace(model, history={"fit": "refit"}), store, split, EvaluateParams())

    seen = embed(model, np.asarray(store.images_hu[store.rows_of(known["nodule_id"].tolist())]))
    assert found["threshold_on"] == "folds of training"
    assert found["threshold"] == learn_usual_across(seen, known["fold"].to_numpy()).threshold(0.05)


@pytest.mark.parametrize("fit", ["train", "folds", "refit"])
def test_what_is_usual_is_learnt_without_a_look_at_test(cohort, fit):
    split = read_table(cohort.split, SPLIT)
    store, ledger = watch(read_store(cohort.views))

    usual_of(replace(make_bundle(cohort), history={"fit": fit}), store, split)

    read = split.set_index("nodule_id")["part"].reindex(np.array(ledger.nodule_ids)[ledger.read])
    assert set(read) == {"train", "val"}


def test_a_bundle_that_knows_what_is_usual_is_judged_by_that_and_learns_nothing(cohort):
    model, store = make_bundle(cohort), read_store(cohort.views)
    split = read_table(cohort.split, SPLIT)
    knowing = replace(model, usual=usual_of(model, store, split))
    alone = split[split["part"] == "test"]

    assert judge_distances(knowing, store, alone, EvaluateParams()) == judge_distances(
        model, store, split, EvaluateParams()
    )


def test_looking_how_far_images_lie_changes_no_answer(cohort):
    model, store = make_bundle(cohort), read_store(cohort.views)
    usual, images_hu = usual_of(model, store, read_table(cohort.split, SPLIT)), store.images_hu[:9]
    before = predict(model, images_hu)

    assert len(distances_from_train(model, usual, images_hu)) == 9
    assert np.array_equal(predict(model, images_hu), before)


def test_no_images_have_no_distances(cohort):
    model, store = make_bundle(cohort), read_store(cohort.views)
    usual = usual_of(model, store, read_table(cohort.split, SPLIT))

    assert distances_from_train(model, usual, store.images_hu[:0]).shape == (0,)
