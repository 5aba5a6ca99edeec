"""Where the work is done. None of it changes a result, so it is set by the environment, not by params.

`LUNGML_WORKERS`: processes for per-series work (default: the processors this process may use).
`LUNGML_DASK`: address of a Dask scheduler, whose workers do that work instead. They need this version of
lungml and the same files under the same paths.
"""

from __future__ import annotations

import os

from lungml.errors import ParamsError


def workers() -> int:
    """How many processes to use for work that is independent item by item."""
    text = os.environ.get("LUNGML_WORKERS", "")
    if not text:
        return len(os.sched_getaffinity(0))
    if not text.isdecimal() or int(text) < 1:
        raise ParamsError(f"LUNGML_WORKERS is {text!r}; expected a whole number of at least 1")
    return int(text)


def dask_scheduler() -> str | None:
    """Address of the Dask scheduler to use, such as tcp://127.0.0.1:8786; None for processes of our own."""
    address = os.environ.get("LUNGML_DASK", "")
    if address and "://" not in address:
        raise ParamsError(f"LUNGML_DASK is {address!r}; expected an address such as tcp://127.0.0.1:8786")
    return address or None
