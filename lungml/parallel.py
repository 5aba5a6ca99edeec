"""The same function on many independent items, in several processes; the result never depends on how many.

Processes are our own, or the workers of a Dask cluster (`lungml.compute`): one code path for both.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from itertools import chain
from multiprocessing import active_children, forkserver, get_context, parent_process, resource_tracker
from pathlib import Path
from types import FrameType
from typing import Any, Generic, TypeVar

from lungml.compute import dask_scheduler, workers
from lungml.errors import InterruptedRunError, ServiceError
from lungml.progress import track
from lungml.signals import requests

Item = TypeVar("Item")
Result = TypeVar("Result")


class Pool:
    """Worker processes, or none at all if there is one worker; they start when they are first needed."""

    def __init__(self, executor: Executor | None, asked_to_stop: threading.Event | None = None) -> None:
        self._executor = executor
        self._asked_to_stop = asked_to_stop or threading.Event()

    def map(
        self, function: Callable[[Item], Result], items: Sequence[Item], what: str, chunk: int = 1
    ) -> Iterator[Result]:
        """Yield `function(item)` in the order of `items`, and show progress.

        Args:
            function: picklable: a function of a module, or a partial of one.
            items: picklable.
            what: shown to the person who waits.
            chunk: items a process takes at a time, more for quick ones; up to that many stay in here.

        Raises:
            ServiceError: a worker process ended by itself.
        """
        if self._executor is None or len(items) <= chunk:
            yield from track(map(function, items), what, len(items))
            return
        chunks = [items[start : start + chunk] for start in range(0, len(items), chunk)]
        results = self._executor.map(_Work(function, Path.cwd()), chunks)
        try:
            yield from track(chain.from_iterable(results), what, len(items))
        except BrokenProcessPool as error:
            if self._asked_to_stop.is_set():  # a worker that had not begun could not listen
                raise InterruptedRunError(_AGAIN) from error
            raise ServiceError(
                f"a worker process ended by itself during {what}; often memory ran out. Run the same command "
                f"again with fewer workers (LUNGML_WORKERS, now {workers()})"
            ) from error


@contextmanager
def worker_pool(count: int | None = None, *, stoppable: bool = False) -> Iterator[Pool]:
    """Processes for as long as the context lasts: `count` of our own (`compute.workers()`), or those of Dask.

    `stoppable` work takes SIGTERM, SIGINT and SIGUSR1 as a request to stop: our own processes hear of it from
    this one alone, even where a signal goes to its whole group, and end with `InterruptedRunError`.

    Raises:
        ServiceError: there is no Dask scheduler where `LUNGML_DASK` says, or it lost its workers.
    """
    scheduler, processes = dask_scheduler(), count or workers()
    if scheduler is not None:
        with _dask(scheduler) as executor:
            yield Pool(executor)
    elif processes == 1:
        yield Pool(None)
    else:
        with _own_processes(processes, stoppable) as pool:
            yield pool


@contextmanager
def _own_processes(count: int, stoppable: bool) -> Iterator[Pool]:
    _start_forkserver()
    listening = requests(_REQUESTS, _tell_workers) if stoppable else nullcontext(None)
    context = get_context("forkserver")
    executor = ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(stoppable,))
    with executor as own, listening as asked:
        try:
            yield Pool(own, asked)
        except KeyboardInterrupt:
            if stoppable:  # the second Ctrl-C, which groups of their own do not hear
                _tell_workers(signal.SIGKILL)
            raise


def _start_forkserver() -> None:
    """Start what starts the workers, deaf to requests: were it to end, the workers would count as dead."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _REQUESTS)
    try:
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, _REQUESTS)  # that let some through again
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _tell_workers(number: int) -> None:
    for worker in active_children():
        if worker.pid is not None:
            with suppress(ProcessLookupError):  # it may just have ended
                os.kill(worker.pid, number)


@dataclass(frozen=True)
class _Work(Generic[Item, Result]):
    """What a worker does with a chunk of items; relative paths mean the same as here."""

    function: Callable[[Item], Result]
    folder: Path

    def __call__(self, items: Sequence[Item]) -> list[Result]:
        if Path.cwd() != self.folder:
            os.chdir(self.folder)
        if _stopped.is_set():
            raise InterruptedRunError(_AGAIN)
        try:
            return [self.function(item) for item in items]
        except InterruptedRunError:
            _stopped.set()  # one more item may be on its way to this process
            raise


def _begin(stoppable: bool) -> None:
    """In a new worker: stop when the process that it works for is gone, which the pool would not do.

    A request that comes between two pieces of work, or in one that does not listen, holds for the next.
    """
    if stoppable:
        os.setpgrp()  # the second request acts at once, so a group must not be told beside `_tell_workers`
        for number in _REQUESTS:
            signal.signal(number, _begin_nothing_more)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _REQUESTS)
    threading.Thread(target=_ask_to_stop, daemon=True).start()


def _begin_nothing_more(number: int, _frame: FrameType | None) -> None:
    _stopped.set()
    signal.signal(number, signal.SIG_DFL)  # the second acts at once


def _ask_to_stop() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        while True:  # work that can be stopped takes the first as a request
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(_SECONDS_TO_STOP)


_AGAIN = "this process was asked to stop; the same command goes on from there"
_REQUESTS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
_SECONDS_TO_STOP = 20
_stopped = threading.Event()
"""In a worker process: work was stopped on request, so nothing more is begun."""


@contextmanager
def _dask(scheduler: str) -> Iterator[Any]:
    import distributed

    connect: Any = distributed.Client  # it has no types
    try:
        client = connect(scheduler, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
    except OSError as error:
        raise ServiceError(
            f"there is no Dask scheduler at {scheduler} (LUNGML_DASK); start it, or unset LUNGML_DASK"
        ) from error
    with client, client.get_executor(pure=False) as executor:
        try:
            yield executor
        except distributed.KilledWorker as error:
            raise ServiceError(
                f"workers of the Dask scheduler {scheduler} died on the same work several times; "
                "look at their logs and give them more memory"
            ) from error


_SECONDS_TO_CONNECT = 10
