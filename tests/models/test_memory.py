import pytest
import torch

from lungml.models.memory import by_halves, is_out_of_memory


def frugal(most, asked):
    """Doubles its items; finds no memory for more than `most` of them."""

    def compute(items):
        asked.append(len(items))
        if len(items) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return 2 * items, items.flip(1)

    return compute


def test_what_does_not_fit_is_computed_in_halves_in_the_same_order():
    asked, items = [], torch.arange(14.0).reshape(7, 2)

    doubled, flipped = by_halves(frugal(2, asked), (items,))

    assert torch.equal(doubled, 2 * items)
    assert torch.equal(flipped, items.flip(1))
    assert asked == [7, 3, 1, 2, 4, 2, 2]


def test_what_fits_is_computed_at_once():
    asked = []
    by_halves(frugal(7, asked), (torch.zeros(7, 2),))

    assert asked == [7]


def test_without_memory_for_one_item_there_is_no_way():
    with pytest.raises(torch.OutOfMemoryError):
        by_halves(frugal(0, []), (torch.zeros(7, 2),))


def test_other_errors_are_not_taken_for_missing_memory():
    asked = []

    def fail(items):
        asked.append(len(items))
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        by_halves(fail, (torch.zeros(4, 2),))
    assert asked == [4]


def test_the_machine_s_own_lack_of_memory_is_known():
    with pytest.raises(RuntimeError) as found:
        torch.empty(10**15)

    assert is_out_of_memory(found.value)
