"""Contenders measured in turn, so that their ratios hold on a busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
import psutil  # type: ignore[import-untyped]


@dataclass(frozen=True)
class Contender:
    """Someone who does the work that is measured; what `work` returns is dropped."""

    name: str
    work: Callable[[], object]


@dataclass(frozen=True)
class Seconds:
    """Median time of a contender: on the clock, and of processors, those of child processes included.

    On a busy machine the clock also counts others' work; two processors count twice.
    """

    wall: float
    cpu: float


def seconds_of(contenders: Sequence[Contender], rounds: int) -> dict[str, float]:
    """Median wall seconds of each contender; see `times_of`."""
    return {name: seconds.wall for name, seconds in times_of(contenders, rounds).items()}


def times_of(contenders: Sequence[Contender], rounds: int) -> dict[str, Seconds]:
    """Median times of each contender.

    Every round runs each of them once, in a new order; a first round, which fills caches, is not counted.
    """
    order = np.random.default_rng(0)
    times: dict[str, list[Seconds]] = {each.name: [] for each in contenders}
    for number in range(rounds + 1):
        for index in order.permutation(len(contenders)):
            contender = contenders[index]
            started, spent = time.perf_counter(), _cpu_seconds()
            contender.work()
            seconds = Seconds(time.perf_counter() - started, _cpu_seconds() - spent)
            if number:
                times[contender.name].append(seconds)
    return {
        name: Seconds(median(each.wall for each in values), median(each.cpu for each in values))
        for name, values in times.items()
    }


def _cpu_seconds() -> float:
    """Of this process, and of those that it started and that still run (these in steps of 10 ms)."""
    times = [process.cpu_times() for process in psutil.Process().children(recursive=True)]
    return time.process_time() + float(sum(each.user + each.system for each in times))
