import os
import subprocess
import sys

import pytest
import torch

from lungml.compute import dask_scheduler, device, workers
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


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_the_device_is_a_gpu_where_there_is_one(monkeypatch, two_gpus):
    monkeypatch.delenv("LUNGML_DEVICE", raising=False)

    assert device() == "cuda"


@pytest.mark.parametrize("text", ["", "auto"])
def test_the_device_is_the_processor_where_there_is_no_gpu(monkeypatch, no_gpu, text):
    monkeypatch.setenv("LUNGML_DEVICE", text)

    assert device() == "cpu"


@pytest.mark.parametrize("text", ["cpu", "cuda", "cuda:1"])
def test_a_device_that_is_there_can_be_named(monkeypatch, two_gpus, text):
    monkeypatch.setenv("LUNGML_DEVICE", text)

    assert device() == text


@pytest.mark.parametrize(("text", "gpus"), [("cuda:2", 2), ("cuda", 0)])
def test_a_device_that_is_not_there_is_refused(monkeypatch, text, gpus):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setenv("LUNGML_DEVICE", text)

    with pytest.raises(ParamsError, match=f"LUNGML_DEVICE is {text}, and torch finds {gpus} CUDA"):
        device()


@pytest.mark.parametrize("text", ["gpu", "cuda1", "cuda:", "CPU"])
def test_a_wrong_device_is_refused(monkeypatch, text):
    monkeypatch.setenv("LUNGML_DEVICE", text)

    with pytest.raises(ParamsError, match="expected auto, cpu, cuda"):
        device()


def test_asking_for_workers_needs_no_torch():
    code = "import sys; from lungml.compute import workers; workers(); sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
