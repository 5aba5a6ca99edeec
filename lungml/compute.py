"""Where the work is done. It changes no result (a GPU: by rounding), so the environment says it, not params.

`LUNGML_WORKERS`: processes for per-series work (default: the processors this process may use).
`LUNGML_DASK`: address of a Dask scheduler, whose workers do that work instead. They need this version of
lungml and the same files under the same paths.
`LUNGML_DEVICE`: `auto` (default: a CUDA GPU if there is one), `cpu`, `cuda` or `cuda:1`: where networks run.
"""

from __future__ import annotations

import os
import re

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


def device() -> str:
    """Where networks run, as torch names it: `cpu`, `cuda`, `cuda:1`.

    Raises:
        ParamsError: LUNGML_DEVICE names none, or one that is not there.
    """
    text = os.environ.get("LUNGML_DEVICE", "") or "auto"
    if text == "cpu":
        return text
    if not re.fullmatch(r"auto|cuda(:\d+)?", text):
        raise ParamsError(
            f"LUNGML_DEVICE is {text!r}; expected auto, cpu, cuda or a numbered one such as cuda:1"
        )
    import torch

    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if text == "auto":
        return "cuda" if gpus else "cpu"
    if int(text.partition(":")[2] or 0) >= gpus:
        raise ParamsError(
            f"LUNGML_DEVICE is {text}, and torch finds {gpus} CUDA GPU(s) here, counted from 0; "
            "set LUNGML_DEVICE to one of them, to cpu or to auto"
        )
    return text
