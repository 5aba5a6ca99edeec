import os

import pytest
from work_items import fail_at_three, process_of, square

from lungml.parallel import Pool, worker_pool


@pytest.mark.parametrize("workers", ["1", "3"])
def test_results_are_in_order_for_any_number_of_workers(monkeypatch, workers):
    monkeypatch.setenv("LUNGML_WORKERS", workers)

    with worker_pool() as pool:
        assert list(pool.map(square, range(20), "numbers")) == [n * n for n in range(20)]


def test_work_is_done_in_other_processes(monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "2")

    with worker_pool() as pool:
        assert os.getpid() not in set(pool.map(process_of, range(4), "numbers"))


def test_one_worker_is_this_process():
    assert set(Pool(None).map(process_of, range(4), "numbers")) == {os.getpid()}


def test_an_error_in_a_worker_is_raised_here(monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "2")

    with worker_pool() as pool, pytest.raises(ValueError, match="three"):
        list(pool.map(fail_at_three, range(5), "numbers"))
