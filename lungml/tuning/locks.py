"""Locks that the system drops when their holder ends, however it ends: no clock, no process that looks alike.

They hold among the processes of one machine.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from optuna.storages.journal import JournalFileOpenLock


@contextmanager
def held(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold the lock of a file, which is made if it is not there.

    Raises:
        BlockingIOError: another process or thread holds it, and this one does not `wait`.
        FileNotFoundError: the folder is not there.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


class JournalLock(JournalFileOpenLock):
    """Lets one process at a time write to a journal, and cuts off half a line that a killed one has left.

    Optuna's own lock is a file: a killed holder blocks all others for 30 s, a slow one loses it.
    """

    def __init__(self, journal: Path) -> None:
        super().__init__(str(journal))
        self._journal = journal
        self._descriptor = -1

    def acquire(self) -> bool:
        """Wait for the lock.

        Raises:
            FileNotFoundError: the journal is gone.
        """
        descriptor = os.open(self._journal, os.O_RDWR)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        self._descriptor = descriptor
        _cut_half_line(self._journal)
        return True

    def release(self) -> None:
        """Let the next one write."""
        os.close(self._descriptor)


def _cut_half_line(journal: Path) -> None:
    with journal.open("r+b") as stream:
        end = stream.seek(0, os.SEEK_END)
        stream.seek(max(end - 1, 0))
        if stream.read() in {b"", b"\n"}:
            return
        stream.seek(0)
        stream.truncate(stream.read().rfind(b"\n") + 1)
