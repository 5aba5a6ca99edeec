"""Functions that worker processes can import."""

import os
import signal
import time
from pathlib import Path

from lungml.errors import InterruptedRunError


def square(number):
    return number * number


def process_of(_item):
    return os.getpid()


def fail_at_three(number):
    if number == 3:
        raise ValueError("three")
    return number


def kill_worker_at_three(number):
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def folder_of(_item):
    return str(Path.cwd())


def stop_at_first(folder, number):
    (folder / str(number)).touch()
    raise InterruptedRunError("stopped")


def square_slowly(number):
    """Work that does not listen to requests."""
    time.sleep(0.3)
    return number * number
