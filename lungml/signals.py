"""Signals that ask this process to end: taken as a request first, or as Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType


@contextmanager
def requests(
    numbers: Sequence[signal.Signals], then: Callable[[int], None] | None = None
) -> Iterator[threading.Event]:
    """Turn the first of these signals into an event; the second acts at once, as it would have without us.

    Outside the main thread, where Python takes no signal handlers, the event is never set.

    Args:
        numbers: signals to take.
        then: called with the number of the first one, once the handlers of before are back.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {number: signal.getsignal(number) for number in numbers}

    def note(number: int, _frame: FrameType | None) -> None:
        asked.set()
        put_back()
        if then is not None:
            then(number)

    def put_back() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    for number in numbers:
        signal.signal(number, note)
    try:
        yield asked
    finally:
        put_back()


@contextmanager
def as_ctrl_c() -> Iterator[None]:
    """SIGTERM, and SIGHUP of a terminal that closes, raise `KeyboardInterrupt`.

    Python's own answer would leave behind what this process has started. A signal that is ignored, as by
    `nohup`, stays ignored. For the main thread.
    """
    numbers = [number for number in _ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, _interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


_ENDING = (signal.SIGTERM, signal.SIGHUP)
