"""A command in a process group of its own: its lines as they come, a time limit, and an end for all of it.

Prefect's own time limit does not end what a task has started, and a worker that cancels a run ends only the
worker's group; so this module ends the whole group itself.
"""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LAST_LINES = 200
_POLL_S = 0.2
_GRACE_S = 10.0
"""Between asking a group to end (SIGTERM) and ending it (SIGKILL)."""


@dataclass(frozen=True)
class Finished:
    """How a command ended; `lines` are its last ones, standard output and error together."""

    returncode: int
    lines: tuple[str, ...]
    over_time: bool


class Processes:
    """The commands of one run. After `stop`, none runs and none starts."""

    def __init__(self, cwd: Path, environment: Mapping[str, str]) -> None:
        self._cwd = cwd
        self._environment = dict(environment)
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._stopped = False

    def run(
        self,
        command: Sequence[str],
        *,
        on_line: Callable[[str], None],
        limit_s: float,
        more: Mapping[str, str] | None = None,
    ) -> Finished:
        """Run a command to its end, or for `limit_s`; called from the thread that logs its lines.

        `more` is its environment beyond that of all.
        """
        process = self._start(command, more or {})
        try:
            return _follow(process, on_line, limit_s)
        finally:
            end_group(process)
            with self._lock:
                self._running.discard(process)

    def stop(self) -> None:
        """End everything that runs."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        for process in running:
            _signal_group(process, signal.SIGTERM)
        for process in running:
            end_group(process)

    def _start(self, command: Sequence[str], more: Mapping[str, str]) -> subprocess.Popen[str]:
        with self._lock:
            if self._stopped:
                raise InterruptedError("the run was stopped")
            process = subprocess.Popen(
                command,
                cwd=self._cwd,
                env={**self._environment, **more},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                process_group=0,
            )
            self._running.add(process)
            return process


def end_group(process: subprocess.Popen[str]) -> None:
    """End what is left of a process and everything it started."""
    if not _signal_group(process, signal.SIGTERM):
        return
    end = time.monotonic() + _GRACE_S
    while time.monotonic() < end:
        process.poll()  # a child that has ended stays in its group until someone asks
        if not _signal_group(process, 0):
            return
        time.sleep(_POLL_S / 4)
    _signal_group(process, signal.SIGKILL)
    process.wait()


def _follow(process: subprocess.Popen[str], on_line: Callable[[str], None], limit_s: float) -> Finished:
    """Hand on each line until the process has ended and said all, or its time is over."""
    lines: deque[str] = deque(maxlen=_LAST_LINES)
    coming: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(process, coming), daemon=True).start()
    end = time.monotonic() + limit_s
    while True:
        try:
            line = coming.get(timeout=_POLL_S)
        except queue.Empty:
            line = ""
        if line is None:
            return Finished(process.wait(), tuple(lines), over_time=False)
        if line:
            lines.append(line)
            on_line(line)
        if time.monotonic() > end:
            return Finished(-signal.SIGTERM, tuple(lines), over_time=True)


def _read(process: subprocess.Popen[str], coming: queue.SimpleQueue[str | None]) -> None:
    if process.stdout is not None:
        with process.stdout:
            for line in process.stdout:
                coming.put(line.rstrip())
    coming.put(None)


def _signal_group(process: subprocess.Popen[str], number: int) -> bool:
    """Send a signal to the group; False if there is nobody in it any more."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        # macOS passes over those that have ended and wait to be asked (zombies), and says EPERM where nobody
        # else is left (XNU, killpg1 in bsd/kern/kern_sig.c). Linux signals them, so there it is a refusal.
        if sys.platform != "darwin":
            raise
        process.poll()
        return False
    return True
