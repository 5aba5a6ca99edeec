"""Where the work is done. It changes no result (a GPU: by rounding), so the environment says it, not params.

`LUNGML_WORKERS`: processes for work that is independent item by item (default: the processors this process
may use; for networks on a GPU one, since they share its memory).
`LUNGML_DASK`: address of a Dask scheduler, whose workers do that work instead. They need this version of
lungml and the same files under the same paths.
`LUNGML_DEVICE`: `auto` (default: a CUDA GPU if there is one), `cpu`, `cuda` or `cuda:1`: where networks run.
Of several processes that share a training, `auto` and `cuda` give each a GPU of its own.
`LUNGML_PROCESSES`: how many processes of this machine share a training (default 1).
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


def trainings() -> int:
    """How many networks to train at once: as `workers`; on a GPU one, if `LUNGML_WORKERS` is not set."""
    if os.environ.get("LUNGML_WORKERS", "") or device() == "cpu":
        return workers()
    return 1


def dask_scheduler() -> str | None:
    """Address of the Dask scheduler to use, such as tcp://127.0.0.1:8786; None for processes of our own."""
    address = os.environ.get("LUNGML_DASK", "")
    if address and "://" not in address:
        raise ParamsError(f"LUNGML_DASK is {address!r}; expected an address such as tcp://127.0.0.1:8786")
    return address or None


def processes() -> int:
    """How many processes torchrun started for this training, on all machines together; else 1."""
    return int(os.environ["WORLD_SIZE"]) if _TORCHRUN in os.environ else 1


def processes_to_start() -> int:
    """How many processes of this machine are to share a training; 1 in one that torchrun started."""
    text = os.environ.get("LUNGML_PROCESSES", "")
    if not text or _TORCHRUN in os.environ:
        return 1
    if not text.isdecimal() or int(text) < 1:
        raise ParamsError(f"LUNGML_PROCESSES is {text!r}; expected a whole number of at least 1")
    return int(text)


def rank() -> int:
    """Which of them this one is, from 0: the first, which writes and talks."""
    return int(os.environ["RANK"]) if _TORCHRUN in os.environ else 0


_TORCHRUN = "TORCHELASTIC_RUN_ID"
"""Set by torchrun alone; the others may be left from something else."""


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
    if text == "auto" and not gpus:
        return "cpu"
    if processes() > 1:
        return _own_gpu(gpus)
    if text == "auto":
        return "cuda"
    if int(text.partition(":")[2] or 0) >= gpus:
        raise ParamsError(
            f"LUNGML_DEVICE is {text}, and torch finds {gpus} CUDA GPU(s) here, counted from 0; "
            "set LUNGML_DEVICE to one of them, to cpu or to auto"
        )
    return text


def _own_gpu(gpus: int) -> str:
    number = int(os.environ["LOCAL_RANK"])
    if number >= gpus:
        raise ParamsError(
            f"there are more processes than GPUs on this machine: torch finds {gpus} CUDA GPU(s). Start as "
            "many (LUNGML_PROCESSES, or torchrun --nproc-per-node), or set LUNGML_DEVICE=cpu"
        )
    return f"cuda:{number}"
