import numpy as np
import pandas as pd
import pytest

from lungml.errors import InputError
from lungml.params.data import SplitParams
from lungml.splits import assign_folds, assign_parts, thirds


def draw_cohort(patients, seed):
    """Nodules whose scores agree within a patient, in a random order of rows."""
    rng = np.random.default_rng(seed)
    nodules = rng.integers(1, 6, patients)
    names = np.repeat([f"LIDC-{number:04}" for number in range(patients)], nodules)
    risk = np.repeat(rng.normal(size=patients), nodules) + rng.normal(size=len(names))
    five = np.clip(np.round(2 + 0.7 * risk), 0, 4).astype(int)
    order = rng.permutation(len(names))
    labels = pd.DataFrame({"binary": five >= 3, "five": five}).astype(int)
    return names[order], labels.iloc[order].reset_index(drop=True)


def check_shares(patients, seed):
    """The requirement V01: class shares of every part within 3 points, and no patient in two parts."""
    names, labels = draw_cohort(patients, seed)
    parts = assign_parts(names, labels, SplitParams(test_fraction=0.1, val_fraction=0.1, seed=seed))
    for column in labels:
        for category in labels[column].unique():
            here = (labels[column] == category).to_numpy()
            for part in ("train", "val", "test"):
                assert abs(here[parts == part].mean() - here.mean()) <= 0.03
    members = [set(names[parts == part]) for part in ("train", "val", "test")]
    held_out = int(0.1 * patients + 0.5)
    assert [len(part) for part in members] == [patients - 2 * held_out, held_out, held_out]
    assert len(set.union(*members)) == patients


@pytest.mark.parametrize("seed", range(20))
def test_class_shares_of_parts_are_within_three_points_and_patients_in_one_part(seed):
    check_shares(300, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20, 1020))
def test_class_shares_hold_on_a_thousand_random_cohorts(seed):
    check_shares(300 + seed % 100, seed)


@pytest.mark.parametrize("seed", range(10))
def test_counts_of_patients_are_exact(seed):
    names, labels = draw_cohort(90, seed)

    parts = assign_parts(names, labels, SplitParams(test_fraction=0.25, val_fraction=0.15, seed=seed))

    counts = {part: len(set(names[parts == part])) for part in ("train", "val", "test")}
    assert counts == {"train": 53, "val": 14, "test": 23}


def test_the_order_of_rows_does_not_matter():
    names, labels = draw_cohort(80, 1)
    order = np.random.default_rng(0).permutation(len(names))

    parts = assign_parts(names, labels, SplitParams())
    shuffled = assign_parts(names[order], labels.iloc[order], SplitParams())

    assert (parts[order] == shuffled).all()


def test_another_seed_gives_another_split():
    names, labels = draw_cohort(80, 1)

    first, second, again = (assign_parts(names, labels, SplitParams(seed=seed)) for seed in (1, 2, 1))

    assert (first == again).all()
    assert (first != second).mean() > 0.2


def test_a_class_of_three_patients_is_in_every_part():
    names = np.array([f"p{number:02}" for number in range(40)])
    labels = pd.DataFrame({"five": [4] * 3 + [0] * 37})

    for seed in range(10):
        parts = assign_parts(names, labels, SplitParams(seed=seed))
        assert set(parts[:3]) == {"train", "val", "test"}


def test_a_class_of_two_patients_cannot_be_in_every_part():
    names = np.array([f"p{number:02}" for number in range(40)])
    labels = pd.DataFrame({"five": [4] * 2 + [0] * 38})

    with pytest.raises(InputError, match=r"class 4 of target five is in 2 patient\(s\)"):
        assign_parts(names, labels, SplitParams())


def test_what_the_policy_leaves_out_may_miss_in_a_part():
    names = np.array([f"p{number:02}" for number in range(40)])
    labels = pd.DataFrame({"five": [-1] + [0, 1] * 19 + [0]})

    assert len(assign_parts(names, labels, SplitParams())) == 40


def test_too_few_patients_for_the_fractions():
    names = np.array(["a", "b", "c"])

    with pytest.raises(InputError, match=r"3 patients are too few .* no patient is left for val"):
        assign_parts(
            names, pd.DataFrame({"five": [0, 0, 0]}), SplitParams(test_fraction=0.3, val_fraction=0.1)
        )


def test_sizes_are_balanced_too():
    names, labels = draw_cohort(200, 5)
    size = thirds(np.random.default_rng(5).lognormal(2, 0.5, len(names)))

    parts = assign_parts(names, labels, SplitParams(), balanced=pd.DataFrame({"size": size}))

    for part in ("train", "val", "test"):
        assert np.bincount(size[parts == part]) / (parts == part).sum() == pytest.approx(
            [1 / 3] * 3, abs=0.03
        )


def test_thirds_hold_a_third_each():
    assert np.bincount(thirds(np.arange(30.0))).tolist() == [10, 10, 10]
    assert thirds(np.full(4, 7.0)).tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize("seed", range(5))
def test_folds_divide_patients_evenly_and_balance_classes(seed):
    names, labels = draw_cohort(203, seed)

    folds = assign_folds(names, labels, folds=5, seed=seed)

    sizes = [len(set(names[folds == fold])) for fold in range(5)]
    assert sorted(sizes) == [40, 40, 41, 41, 41]
    malignant = labels["binary"].to_numpy()
    assert [malignant[folds == fold].mean() for fold in range(5)] == pytest.approx(
        [malignant.mean()] * 5, abs=0.03
    )


def test_there_are_at_least_as_many_patients_as_folds():
    with pytest.raises(InputError, match="3 patients cannot make 5 folds"):
        assign_folds(np.array(["a", "b", "c"]), pd.DataFrame({"five": [0, 1, 2]}), folds=5, seed=0)
