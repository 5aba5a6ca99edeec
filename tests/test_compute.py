import os
import subprocess
import sys

import pytest
import torch

from lungml.compute import dask_scheduler, device, processes, processes_to_start, rank, trainings, workers
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


def test_networks_share_a_gpu_only_if_that_is_asked_for(monkeypatch, two_gpus):
    monkeypatch.delenv("LUNGML_DEVICE", raising=False)
    monkeypatch.delenv("LUNGML_WORKERS", raising=False)
    alone = trainings()
    monkeypatch.setenv("LUNGML_WORKERS", "4")

    assert (alone, trainings()) == (1, 4)


def test_on_processors_as_many_networks_are_trained_as_there_are_workers(monkeypatch, no_gpu):
    monkeypatch.delenv("LUNGML_WORKERS", raising=False)

    assert trainings() == workers()


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


@pytest.fixture
def second_of_two(monkeypatch):
    """What torchrun tells the second process of two on a machine."""
    told = {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)


def test_alone_there_is_one_process_whatever_others_left_in_the_environment(monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "8")
    monkeypatch.setenv("RANK", "3")

    assert (processes(), rank()) == (1, 0)


def test_torchrun_says_how_many_processes_there_are_and_which_this_is(second_of_two):
    assert (processes(), rank()) == (2, 1)


@pytest.mark.parametrize("text", ["auto", "cuda"])
def test_each_of_several_processes_has_a_gpu_of_its_own(monkeypatch, two_gpus, second_of_two, text):
    monkeypatch.setenv("LUNGML_DEVICE", text)

    assert device() == "cuda:1"


def test_more_processes_than_gpus_are_refused(monkeypatch, two_gpus, second_of_two):
    monkeypatch.setenv("LUNGML_DEVICE", "cuda")
    monkeypatch.setenv("LOCAL_RANK", "2")

    with pytest.raises(ParamsError, match=r"finds 2 CUDA GPU\(s\).*LUNGML_PROCESSES"):
        device()


def test_processes_to_start_are_those_asked_for_and_never_started_again(monkeypatch):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setenv("LUNGML_PROCESSES", "2")
    assert processes_to_start() == 2

    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    assert processes_to_start() == 1


@pytest.mark.parametrize("text", ["0", "two"])
def test_a_wrong_number_of_processes_is_refused(monkeypatch, text):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setenv("LUNGML_PROCESSES", text)

    with pytest.raises(ParamsError, match="LUNGML_PROCESSES"):
        processes_to_start()
