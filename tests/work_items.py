"""Functions that worker processes can import."""

import os
import signal
import time
from pathlib import Path

from lungml.errors import InterruptedRunError
from lungml.signals import requests


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


def save_when_asked(number):
    """Work that takes a request to stop, and half a second to leave things in order."""
    with requests((signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)) as asked:
        Path(f"begun-{number}").touch()
        asked.wait(60)
        time.sleep(0.5)
        Path(f"saved-{number}").touch()
    raise InterruptedRunError("saved")
