import os

import pytest

from lungml.compute import dask_scheduler, workers
from lungml.errors import ParamsError


def test_workers_are_the_processors_of_this_process_unless_set(monkeypatch):
    monkeypatch.delenv("LUNGML_WORKERS", raising=False)

    assert workers() == len(os.sched_getaffinity(0))


def test_workers_can_be_set(monkeypatch):
    monkeypatch.setenv("LUNGML_WORKERS", "3")

    assert workers() == 3


@pytest.mark.parametrize("text", ["0", "-1", "many", "2.5"])
def test_a_wrong_number_of_workers_is_refused(monkeypatch, text):
    monkeypatch.setenv("LUNGML_WORKERS", text)

    with pytest.raises(ParamsError, match="LUNGML_WORKERS"):
        workers()


def test_an_address_without_protocol_is_refused(monkeypatch):
    monkeypatch.setenv("LUNGML_DASK", "127.0.0.1:8786")

    with pytest.raises(ParamsError, match="tcp://"):
        dask_scheduler()
