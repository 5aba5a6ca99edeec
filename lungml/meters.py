"""Meters of this machine; each gives numbers under the names and in the units of MLflow's own monitors."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import psutil
import pynvml

Values = dict[str, float]
Meter = Callable[[], Values]
_MEGABYTE = 1e6


def meters() -> list[Meter]:
    """Those of the processor, memory, disk, network, this process and each NVIDIA GPU, counting from now."""
    psutil.cpu_percent()  # the next call measures from here
    received, sent = _network()
    return [_machine, _this_process, partial(_traffic, received, sent), *_gpus()]


def read(meter: Meter) -> Values:
    """What it says, to a tenth; nothing if it cannot be asked now."""
    try:
        return {name: round(value, 1) for name, value in meter().items()}
    except (psutil.Error, pynvml.NVMLError, OSError):
        return {}


def _machine() -> Values:
    memory, disk = psutil.virtual_memory(), psutil.disk_usage(os.sep)
    return {
        "cpu_utilization_percentage": psutil.cpu_percent(),
        "system_memory_usage_megabytes": memory.used / _MEGABYTE,
        "system_memory_usage_percentage": 100 * memory.used / memory.total,
        "disk_usage_percentage": disk.percent,
        "disk_usage_megabytes": disk.used / _MEGABYTE,
        "disk_available_megabytes": disk.free / _MEGABYTE,
    }


def _this_process() -> Values:
    """Resident memory of the process and all that it started."""
    own = psutil.Process()
    size = 0
    for process in (own, *own.children(recursive=True)):
        with suppress(psutil.Error):
            size += process.memory_info().rss
    return {"process_memory_usage_megabytes": size / _MEGABYTE}


def _network() -> tuple[int, int]:
    counters = psutil.net_io_counters()
    return (counters.bytes_recv, counters.bytes_sent) if counters else (0, 0)


def _traffic(received: int, sent: int) -> Values:
    now_received, now_sent = _network()
    return {
        "network_receive_megabytes": (now_received - received) / _MEGABYTE,
        "network_transmit_megabytes": (now_sent - sent) / _MEGABYTE,
    }


def _gpus() -> list[Meter]:
    """Nothing where there is no NVIDIA driver."""
    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:
        return []
    return [
        partial(meter, handle, f"gpu_{index}")
        for index, handle in enumerate(handles)
        for meter in (_gpu_memory, _gpu_utilization, _gpu_power)
    ]


def _gpu_memory(handle: object, gpu: str) -> Values:
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return {
        f"{gpu}_memory_usage_percentage": 100 * memory.used / memory.total,
        f"{gpu}_memory_usage_megabytes": memory.used / _MEGABYTE,
    }


def _gpu_utilization(handle: object, gpu: str) -> Values:
    return {f"{gpu}_utilization_percentage": pynvml.nvmlDeviceGetUtilizationRates(handle).gpu}


def _gpu_power(handle: object, gpu: str) -> Values:
    watts = pynvml.nvmlDeviceGetPowerUsage(handle) / 1000
    limit = pynvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000
    return {f"{gpu}_power_usage_watts": watts, f"{gpu}_power_usage_percentage": 100 * watts / limit}
