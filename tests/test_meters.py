import socket
from types import SimpleNamespace

import numpy as np
import psutil
import pynvml
import pytest
from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor
from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor

from lungml.meters import meters, read


def all_values():
    return {name: value for meter in meters() for name, value in read(meter).items()}


def of_mlflow(monitor):
    monitor.collect_metrics()
    return monitor.aggregate_metrics()


@pytest.fixture
def two_gpus(monkeypatch):
    """NVML as a machine with two cards answers; this one has none."""
    used = {0: 8e9, 1: 2e9}
    answers = {
        "nvmlInit": lambda: None,
        "nvmlDeviceGetCount": lambda: 2,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetMemoryInfo": lambda handle: SimpleNamespace(used=used[handle], total=16e9),
        "nvmlDeviceGetUtilizationRates": lambda handle: SimpleNamespace(gpu=[90, 10][handle]),
        "nvmlDeviceGetPowerUsage": lambda handle: [300_000, 60_000][handle],
        "nvmlDeviceGetEnforcedPowerLimit": lambda handle: 400_000,
    }
    for name, answer in answers.items():
        monkeypatch.setattr(pynvml, name, answer)


def test_numbers_have_the_names_of_mlflows_monitors_and_one_of_ours():
    monitors = (CPUMonitor(), DiskMonitor(), NetworkMonitor())
    theirs = [name for monitor in monitors for name in of_mlflow(monitor)]

    ours = {name for name in all_values() if not name.startswith("gpu_")}

    assert ours == {*theirs, "process_memory_usage_megabytes"}


def test_a_gpu_is_told_of_as_mlflow_tells_of_it(two_gpus):
    ours = {name: value for name, value in all_values().items() if name.startswith("gpu_")}

    assert ours == of_mlflow(GPUMonitor())
    assert ours["gpu_0_memory_usage_percentage"] == 50.0
    assert ours["gpu_1_power_usage_percentage"] == 15.0


def test_shares_are_percentages_of_what_the_machine_has():
    values = all_values()

    assert all(0 <= value <= 100 for name, value in values.items() if name.endswith("_percentage"))
    total = values["system_memory_usage_megabytes"] / values["system_memory_usage_percentage"] * 100
    assert total == pytest.approx(psutil.virtual_memory().total / 1e6, rel=0.01)


def test_memory_that_the_process_takes_is_counted():
    before = all_values()["process_memory_usage_megabytes"]

    held = np.ones(25_000_000)  # 200 MB, written so that it is resident
    after = all_values()["process_memory_usage_megabytes"]

    assert after - before == pytest.approx(held.nbytes / 1e6, abs=40)


def test_what_goes_over_the_network_is_counted_from_when_the_meters_were_made():
    asked = meters()
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        connection, _ = server.accept()
        with client, connection:
            for _ in range(50):
                client.sendall(bytes(100_000))
                assert connection.recv(100_000, socket.MSG_WAITALL)

    values = {name: value for meter in asked for name, value in read(meter).items()}

    assert values["network_receive_megabytes"] >= 5
    assert values["network_transmit_megabytes"] >= 5


@pytest.mark.parametrize("error", [psutil.NoSuchProcess(1), pynvml.NVMLError(999), OSError("gone")])
def test_a_meter_that_cannot_be_asked_now_gives_nothing(error):
    def broken():
        raise error

    assert read(broken) == {}
