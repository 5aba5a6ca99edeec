import pytest
import torch

from lungml.training.determinism import reproducible, seeded


def test_the_key_alone_decides_what_is_drawn():
    with seeded(1, 2, 3):
        first = torch.rand(4)
    torch.rand(7)
    with seeded(1, 2, 3):
        again = torch.rand(4)
    with seeded(1, 2, 4):
        other = torch.rand(4)

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_global_generator_goes_on_as_if_nothing_had_been_drawn():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)

    with seeded(9):
        torch.rand(5)

    assert torch.equal(torch.rand(3), expected)


def test_threads_and_algorithms_are_set_and_put_back_even_after_an_error():
    before = (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())

    with pytest.raises(KeyError), reproducible(threads=1):
        assert torch.get_num_threads() == 1
        assert torch.are_deterministic_algorithms_enabled()
        raise KeyError

    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before
