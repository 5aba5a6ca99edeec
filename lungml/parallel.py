"""The same function on many independent items, in several processes; the result never depends on how many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import TypeVar

from lungml.compute import workers
from lungml.progress import track

Item = TypeVar("Item")
Result = TypeVar("Result")


class Pool:
    """Worker processes, or none at all if there is one worker; they start when they are first needed."""

    def __init__(self, executor: ProcessPoolExecutor | None) -> None:
        self._executor = executor

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item], what: str, chunk: int = 1
    ) -> Iterator[Result]:
        """Yield `function(item)` in the order of `items`, and show progress.

        Args:
            function: picklable: a function of a module, or a partial of one.
            items: picklable.
            what: shown to the person who waits.
            chunk: items a process takes at a time, more for quick ones; up to that many stay in here.
        """
        if self._executor is None or len(items) <= chunk:
            yield from track(map(function, items), what, len(items))
        else:
            yield from track(self._executor.map(function, items, chunksize=chunk), what, len(items))


@contextmanager
def worker_pool() -> Iterator[Pool]:
    """Processes for as long as the context lasts, `compute.workers()` of them."""
    processes = workers()
    if processes == 1:
        yield Pool(None)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("forkserver")) as executor:
        yield Pool(executor)
