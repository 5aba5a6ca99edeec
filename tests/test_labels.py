import math

import numpy as np
import pandas as pd
import pytest
from index_tables import make_index
from sklearn.metrics import roc_auc_score

from lungml.labels import POLICIES, labels_of, policy_sha256, policy_table, reader_shares, score
from lungml.params.data import LabelParams
from lungml.terms import Target


def nodules_of(*scores, patients=None):
    number = len(scores)
    return pd.DataFrame(
        {
            "nodule_id": [f"n{index}" for index in range(number)],
            "patient_id": patients or [f"p{index}" for index in range(number)],
            "scores": scores,
            "label": -1,
        }
    )


@pytest.mark.parametrize(
    ("scores", "mean", "median", "mode"),
    [
        ([3], 3.0, 3.0, 3.0),
        ([1, 1, 5], 7 / 3, 1.0, 1.0),
        ([5, 1, 1], 7 / 3, 1.0, 1.0),
        ([2, 3, 4, 5], 3.5, 3.5, 5.0),
        ([2, 2, 4, 4], 3.0, 3.0, 4.0),
    ],
)
def test_scores_of_readers_become_one(scores, mean, median, mode):
    found = {name: score(scores, LabelParams(aggregation=name)) for name in ("mean", "median", "mode")}

    assert found == pytest.approx({"mean": mean, "median": median, "mode": mode})


def test_of_two_equally_frequent_scores_the_tie_rule_picks_one():
    picked = [score([2, 4], LabelParams(aggregation="mode", ties=ties)) for ties in ("higher", "lower")]

    assert picked == [4.0, 2.0]


def test_the_mode_or_the_mean_rounded_up_is_one_score():
    scores = [[1, 1, 5], [1, 2], [1, 2, 4], [2, 3, 5], [3, 3, 4, 4], [4], [1, 3]]

    assert [score(each, LabelParams(aggregation="mode-or-mean")) for each in scores] == [1, 2, 3, 4, 4, 4, 2]


@pytest.mark.parametrize(("ties", "five", "binary"), [("higher", 3, 1), ("lower", 2, 0)])
def test_the_tie_rule_decides_where_three_and_a_half_goes(ties, five, binary):
    labels = labels_of(nodules_of([3, 4]), LabelParams(ties=ties))

    assert (labels["score"][0], labels["five"][0], labels["binary"][0]) == (3.5, five, binary)


def test_one_to_three_is_benign_and_four_and_five_malignant():
    labels = labels_of(nodules_of([1], [2], [3], [4], [5]), LabelParams())

    assert labels["five"].tolist() == [0, 1, 2, 3, 4]
    assert labels["binary"].tolist() == [0, 0, 0, 1, 1]


def test_dropped_threes_leave_the_binary_target_only():
    labels = labels_of(nodules_of([2], [3], [2, 3], [4]), LabelParams(threes="drop"))

    assert labels["five"].tolist() == [1, 2, 2, 3]
    assert labels["binary"].tolist() == [0, -1, -1, 1]


def test_too_few_readers_leave_a_nodule_out_of_both_targets():
    labels = labels_of(nodules_of([5, 5], [5, 5, 5], []), LabelParams(min_readers=3))

    assert labels["five"].tolist() == [-1, 4, -1]
    assert labels["binary"].tolist() == [-1, 1, -1]
    assert [math.isnan(value) for value in labels["score"]] == [True, False, True]


def test_a_nodule_nobody_scored_has_no_label():
    assert labels_of(nodules_of([]), LabelParams())["five"].tolist() == [-1]


def test_shares_of_readers_are_counted_by_hand():
    shares = reader_shares([[3, 3, 4, 5], [1], []], Target.FIVE)

    assert shares[:2].tolist() == [[0, 0, 0.5, 0.25, 0.25], [1, 0, 0, 0, 0]]
    assert np.isnan(shares[2]).all()
    assert reader_shares([[3, 3, 4, 5]], Target.BINARY).tolist() == [[0.5, 0.5]]


def test_shuffled_labels_take_their_readers_scores_with_them():
    nodules = nodules_of([1], [2], [3], [4], [5])

    labels = labels_of(nodules, LabelParams(permute_seed=2))

    assert [scores[0] for scores in labels["scores"]] == labels["score"].astype(int).tolist()
    assert labels["score"].tolist() != [1, 2, 3, 4, 5]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_given_label_is_the_binary_class_under_every_policy_and_no_five_point_class(policy):
    nodules = nodules_of([5, 5, 5], [], [1], [4, 4, 4]).assign(label=[0, 1, 1, -1])

    labels = labels_of(nodules, POLICIES[policy])

    assert labels["binary"].tolist() == [0, 1, 1, 1]
    assert labels["five"].tolist() == [-1, -1, -1, 3]


def test_the_table_of_policies_counts_given_labels():
    nodules = nodules_of([5], [], []).assign(label=[-1, 1, 0])

    row = policy_table(nodules, {"mean": LabelParams()})[0]

    assert (row["nodules"], row["left_out"], row["binary_nodules"]) == (3, 0, 3)
    assert row["prevalence"] == pytest.approx(2 / 3)
    assert sum(row["classes"].values()) == 1


def test_given_labels_are_shuffled_too():
    nodules = nodules_of(*[[] for _ in range(60)]).assign(label=[0, 1] * 30)

    labels = labels_of(nodules, LabelParams(permute_seed=1))

    assert sorted(labels["binary"]) == sorted(nodules["label"])
    assert labels["binary"].tolist() != nodules["label"].tolist()


def test_policies_that_differ_have_different_checksums():
    policies = [*POLICIES.values(), LabelParams(permute_seed=1), LabelParams(permute_seed=2)]

    assert len({policy_sha256(policy) for policy in policies}) == len(policies)
    assert policy_sha256(LabelParams()) == policy_sha256(LabelParams(aggregation="mean", threes="benign"))


def test_the_table_of_policies_counts_nodules_patients_and_classes():
    nodules = nodules_of([1, 1, 1], [3, 3, 3], [4, 5, 5], [2], patients=["a", "a", "b", "c"])

    rows = {row["policy"]: row for row in policy_table(nodules)}

    seed, strict = rows["mean"], rows["three-readers-without-threes"]
    assert (seed["nodules"], seed["patients"], seed["left_out"], seed["prevalence"]) == (4, 3, 0, 0.25)
    assert list(seed["classes"].values()) == [1, 1, 1, 0, 1]
    assert (strict["nodules"], strict["patients"], strict["left_out"]) == (3, 2, 1)
    assert (strict["binary_nodules"], strict["prevalence"]) == (2, 0.5)


def test_without_binary_labels_prevalence_is_undefined():
    (row,) = policy_table(nodules_of([3], [3]), {"dropped": LabelParams(threes="drop")})

    assert (row["binary_nodules"], row["prevalence"]) == (0, None)


@pytest.mark.parametrize("seed", range(5))
def test_permuted_labels_keep_class_counts_and_what_is_left_out(seed):
    nodules = make_index(60).nodules
    nodules.at[3, "scores"] = []
    before = labels_of(nodules, LabelParams(threes="drop"))

    after = labels_of(nodules, LabelParams(threes="drop", permute_seed=seed))

    for column in ("five", "binary", "score"):
        assert sorted(after[column].dropna()) == sorted(before[column].dropna())
    assert after["five"][3] == -1
    assert (after["five"] != before["five"]).mean() > 0.4


def test_permuted_labels_do_not_depend_on_the_order_of_rows():
    nodules = make_index(60).nodules
    shuffled = nodules.sample(frac=1, random_state=3)

    first, second = (labels_of(table, LabelParams(permute_seed=7)) for table in (nodules, shuffled))

    pd.testing.assert_frame_equal(
        first.sort_values("nodule_id", ignore_index=True), second.sort_values("nodule_id", ignore_index=True)
    )


def test_under_permuted_labels_a_perfect_predictor_falls_to_chance():
    nodules = make_index(80).nodules
    truth = labels_of(nodules, LabelParams())

    areas = [
        roc_auc_score(labels_of(nodules, LabelParams(permute_seed=seed))["binary"], truth["score"])
        for seed in range(200)
    ]

    assert np.mean(areas) == pytest.approx(0.5, abs=0.02)
    assert np.mean([abs(area - 0.5) > 0.2 for area in areas]) < 0.02


def test_permuted_labels_do_not_follow_the_number_of_nodules_of_a_patient():
    patients = [f"p{number:02}" for number in range(40) for _ in range(1 + 2 * (number % 2))]
    many = np.array([int(patient[1:]) % 2 for patient in patients])
    nodules = nodules_of(*([5] if own else [1] for own in many), patients=patients)

    areas = [
        roc_auc_score(labels_of(nodules, LabelParams(permute_seed=seed))["binary"], many)
        for seed in range(200)
    ]

    assert np.mean(areas) == pytest.approx(0.5, abs=0.04)


def test_where_all_patients_have_equally_many_nodules_their_labels_stay_together():
    patients = [f"p{number:02}" for number in range(60) for _ in range(3)]
    nodules = nodules_of(*([1 + int(patient[1:]) % 5] for patient in patients), patients=patients)

    labels = labels_of(nodules, LabelParams(permute_seed=1))["five"].to_numpy().reshape(60, 3)

    assert (labels == labels[:, :1]).all()
    assert (labels[:, 0] != np.arange(60) % 5).any()
