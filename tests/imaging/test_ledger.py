import numpy as np
import pandas as pd
import pytest

from lungml.errors import ModelError
from lungml.imaging.ledger import watch
from lungml.imaging.store import ViewStore

SPLIT = pd.DataFrame({"nodule_id": ["a", "b", "c", "e"], "part": ["train", "val", "test", "train"]})


@pytest.fixture
def watched():
    images_hu = np.arange(5 * 4, dtype=np.int16).reshape(5, 1, 2, 2)
    masks = images_hu[:, 0] % 2 == 0
    items = pd.DataFrame({"nodule_id": ["a", "b", "c", "d", "e"]})
    return watch(ViewStore(images_hu, masks, items, {}))


@pytest.mark.parametrize(
    "key", [0, [0], slice(0, 1), (0, 0), np.array([True] + 4 * [False]), (slice(0, 1), ..., 0)], ids=str
)
def test_a_row_that_is_read_is_entered_however_it_is_named(watched, key):
    store, ledger = watched

    taken = store.images_hu[key]

    assert np.array_equal(taken, np.arange(20).reshape(5, 1, 2, 2)[key])
    assert ledger.account(SPLIT)["read"] == {"train": 1, "val": 0, "test": 0}


def test_nothing_is_read_by_asking_for_the_shape(watched):
    store, ledger = watched

    assert (store.images_hu.shape, store.masks.ndim, len(store.images_hu)) == ((5, 1, 2, 2), 3, 5)
    assert ledger.account(SPLIT)["read"] == {"train": 0, "val": 0, "test": 0}


def test_reading_a_mask_is_reading_too(watched):
    store, ledger = watched

    store.masks[store.rows_of(["b"])]

    assert ledger.account(SPLIT)["read"]["val"] == 1


def test_a_nodule_of_the_test_part_is_refused_by_name(watched):
    store, ledger = watched
    store.images_hu[[1, 2]]

    with pytest.raises(ModelError, match=r"1 nodule\(s\) of the test part were read .* the first is c"):
        ledger.account(SPLIT)


@pytest.mark.parametrize("read", [np.asarray, np.mean, list], ids=lambda read: read.__name__)
def test_whoever_takes_all_takes_the_test_part_too(watched, read):
    store, ledger = watched
    read(store.images_hu)

    with pytest.raises(ModelError, match="the first is c"):
        ledger.account(SPLIT)


def test_nodules_outside_the_split_are_of_no_part(watched):
    store, ledger = watched
    store.images_hu[3]

    assert ledger.account(SPLIT)["read"] == {"train": 0, "val": 0, "test": 0}


def test_the_checksum_tells_which_nodules_were_read_and_not_in_which_order():
    sums = []
    for order in ([0, 1], [1, 0], [0, 4]):
        store, ledger = watch(
            ViewStore(np.zeros((5, 1)), np.zeros(5), pd.DataFrame({"nodule_id": list("abcde")}), {})
        )
        for row in order:
            store.images_hu[row]
        sums.append(ledger.account(SPLIT)["nodules_sha256"])

    assert sums[0] == sums[1] != sums[2]
