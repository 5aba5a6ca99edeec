"""The same work on many parts of the arrays, over threads: numpy lets go of the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

from lungml.compute import workers

Part = TypeVar("Part")
Result = TypeVar("Result")


def in_threads(work: Callable[[Part], Result], parts: Iterable[Part]) -> list[Result]:
    """Do `work` on every part; the results are in the parts' order, for any number of threads."""
    with threadpool_limits(1), ThreadPoolExecutor(workers()) as pool:
        return list(pool.map(work, parts))
