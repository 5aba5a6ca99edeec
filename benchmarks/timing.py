"""Contenders measured in turn, so that their ratios hold on a busy machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np


@dataclass(frozen=True)
class Contender:
    """Someone who does the work that is measured; what `work` returns is dropped."""

    name: str
    work: Callable[[], object]


def seconds_of(contenders: Sequence[Contender], rounds: int) -> dict[str, float]:
    """Median wall seconds of each contender.

    Every round runs each of them once, in a new order; a first round, which fills caches, is not counted.
    """
    order = np.random.default_rng(0)
    times: dict[str, list[float]] = {each.name: [] for each in contenders}
    for number in range(rounds + 1):
        for index in order.permutation(len(contenders)):
            contender = contenders[index]
            started = time.perf_counter()
            contender.work()
            if number:
                times[contender.name].append(time.perf_counter() - started)
    return {name: median(values) for name, values in times.items()}
