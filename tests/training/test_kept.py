import numpy as np
import pytest
import torch

from lungml.training import kept
from lungml.training.kept import Kept
from lungml.training.validation import BLOCK


class Ledger:
    """Two tensors of each item, and a note of what was computed."""

    def __init__(self, dtype=torch.float32):
        self.computed = []
        self.dtype = dtype

    def __call__(self, items):
        self.computed.append(items.tolist())
        values = torch.from_numpy(items).to(self.dtype)
        maps = values[:, None, None, None] + torch.arange(24.0).view(2, 3, 4).to(self.dtype) / 7
        return maps.contiguous(memory_format=torch.channels_last), values[:, None] / 3


def expected(items):
    return Ledger()(np.asarray(items))


@pytest.fixture(params=["in memory", "in a file"])
def place(request, monkeypatch, tmp_path):
    if request.param == "in a file":
        monkeypatch.setattr(kept, "_IN_MEMORY", 0)
    return tmp_path


def test_items_come_back_in_the_order_asked_for_byte_for_byte(place):
    items = np.array([199, 3, 3, 64, 0])

    found = Kept(200, folder=place).take(items, Ledger())

    for tensor, wanted in zip(found, expected(items), strict=True):
        assert torch.equal(tensor, wanted)
        assert tensor.stride() == wanted.stride()


def test_an_item_is_computed_once_and_always_with_the_same_others():
    ledger = Ledger()
    store = Kept(2 * BLOCK + 5)

    for items in ([1, 2], [2 * BLOCK + 1], [3, 2 * BLOCK], [BLOCK]):
        store.take(np.array(items), ledger)

    assert ledger.computed == [
        list(range(BLOCK)),
        list(range(2 * BLOCK, 2 * BLOCK + 5)),
        list(range(BLOCK, 2 * BLOCK)),
    ]


def test_what_is_kept_in_16_bits_is_near_and_comes_back_as_it_was_made(place):
    items = np.arange(200)

    found = Kept(200, halved=True, folder=place).take(items, Ledger())

    for tensor, wanted in zip(found, expected(items), strict=True):
        assert tensor.dtype == torch.float32
        assert torch.allclose(tensor, wanted, rtol=2**-11)
        assert not torch.equal(tensor, wanted)


def test_bfloat16_is_kept_as_it_is():
    items = np.arange(200)

    found = Kept(200, halved=True).take(items, Ledger(torch.bfloat16))

    for tensor, wanted in zip(found, Ledger(torch.bfloat16)(items), strict=True):
        assert torch.equal(tensor, wanted)


def test_a_value_too_large_for_16_bits_stays_the_largest_of_them():
    found = Kept(2, halved=True).take(np.array([0, 1]), lambda _: (torch.tensor([[1e6], [-1e6]]),))

    assert found[0].tolist() == [[65504.0], [-65504.0]]


def test_changing_what_was_taken_changes_nothing_that_is_kept():
    store = Kept(10)
    store.take(np.array([4]), Ledger())[0].zero_()

    assert torch.equal(store.take(np.array([4]), Ledger())[0], expected([4])[0])


def test_a_file_leaves_nothing_behind(monkeypatch, tmp_path):
    monkeypatch.setattr(kept, "_IN_MEMORY", 0)
    store = Kept(10, folder=tmp_path)

    store.take(np.array([4]), Ledger())

    assert list(tmp_path.iterdir()) == []
