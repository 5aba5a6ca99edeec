"""Progress a person can follow: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from lungml.compute import rank

T = TypeVar("T")

_SECONDS_BETWEEN_LINES = 10.0
_SECONDS_OF_WORK = 1.0
_MINUTES = 60


def say(text: str) -> None:
    """Print one line for the person who runs the stage; of several processes the first does.

    It is written as one piece, so lines of several threads stay apart.
    """
    if rank() > 0:
        return
    print(f"{text}\n", end="", file=sys.stderr, flush=True)


def track(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Yield `items` and show how many of `total` are done."""
    if sys.stderr.isatty() and rank() == 0:
        yield from _bar(items, what, total)
    else:
        yield from _lines(items, what, total)


def _bar(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    from rich.console import Console
    from rich.progress import track as rich_track

    yield from rich_track(items, description=what, total=total, console=Console(stderr=True))


def _lines(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    started = last = time.monotonic()
    pace = _Pace(started)
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        pace.see(done, now)
        if done == total or now - last >= _SECONDS_BETWEEN_LINES:
            left = f", about {duration(pace.seconds_for(total - done))} left" if done < total else ""
            say(f"  {what}: {done} of {total}, {now - started:.0f} s{left}")
            last = now


class _Pace:
    """How fast items are done, but for the first ones of a resumed run, which were done and come at once."""

    def __init__(self, started: float) -> None:
        self._started = self._last = started
        self._done = self._found = 0
        self._found_at = started

    def see(self, done: int, now: float) -> None:
        """Count an item that was done `now`."""
        at_once = done == 1 or now - self._last < _SECONDS_OF_WORK
        if at_once and self._found == done - 1:
            self._found, self._found_at = done, now
        self._done, self._last = done, now

    def seconds_for(self, count: int) -> float:
        """How long so many more will take."""
        if self._done == self._found:
            return (self._last - self._started) / self._done * count
        return (self._last - self._found_at) / (self._done - self._found) * count


def duration(seconds: float) -> str:
    """For people: `48 s`, `2 min 05 s`, `3 h 20 min`."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= _MINUTES:
        return f"{minutes // _MINUTES} h {minutes % _MINUTES:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
