import numpy as np
import pytest

from lungml.labels import POLICIES, score
from lungml.panel import label_probabilities, panel_sizes
from lungml.params.data import LabelParams

OF_A_READER = np.array([[0.1, 0.2, 0.4, 0.2, 0.1], [0.0, 0.0, 0.1, 0.3, 0.6]])


def test_a_panel_of_one_gives_what_a_reader_says():
    for policy in POLICIES.values():
        if policy.min_readers == 1:
            assert label_probabilities(OF_A_READER, {1: 1.0}, policy) == pytest.approx(OF_A_READER)


def test_two_readers_under_the_mean_rounded_up():
    """By hand: the label is 5 for scores (5, 5), (4, 5) and (5, 4), and 3 for (3, 3) alone, in row 2."""
    found = label_probabilities(OF_A_READER, {2: 1.0}, LabelParams(aggregation="mean", ties="higher"))

    assert found[1] == pytest.approx(
        [0, 0, 0.1**2, 2 * 0.1 * 0.3 + 2 * 0.1 * 0.6 + 0.3**2, 0.6**2 + 2 * 0.3 * 0.6]
    )


def test_readers_who_agree_leave_no_doubt():
    certain = np.eye(5)

    for policy in POLICIES.values():
        assert label_probabilities(certain, {3: 0.5, 4: 0.5}, policy) == pytest.approx(certain)


@pytest.mark.parametrize("name", ["mean", "median", "mode", "mode-or-mean", "three-readers"])
def test_it_is_what_drawing_readers_gives(name):
    rng = np.random.default_rng(0)
    policy, sizes = POLICIES[name], {3: 0.25, 4: 0.75}
    draws = np.zeros(5)
    for _ in range(4000):
        readers = rng.choice(list(sizes), p=list(sizes.values()))
        value = score((rng.choice(5, size=readers, p=OF_A_READER[0]) + 1).tolist(), policy)
        rounded = np.floor(value + 0.5) if policy.ties == "higher" else np.ceil(value - 0.5)
        draws[int(rounded) - 1] += 1

    (found, _) = label_probabilities(OF_A_READER, sizes, policy)

    assert found == pytest.approx(draws / draws.sum(), abs=0.03)


def test_panels_that_the_policy_refuses_are_not_counted():
    strict = POLICIES["three-readers"]

    mixed = label_probabilities(OF_A_READER, {1: 0.9, 3: 0.1}, strict)

    assert mixed == pytest.approx(label_probabilities(OF_A_READER, {3: 1.0}, strict))
    assert label_probabilities(OF_A_READER, {1: 1.0}, strict) == pytest.approx(OF_A_READER)


def test_sizes_are_shares_of_the_nodules_that_were_scored():
    assert panel_sizes([[3], [4, 4], [], [1, 2], [5]]) == {1: 0.5, 2: 0.5}
    assert panel_sizes([[], []]) == {}
