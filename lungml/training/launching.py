"""The same command again in several processes of this machine, by torchrun."""

from __future__ import annotations

import signal
from collections.abc import Sequence

from lungml.errors import InterruptedRunError, ServiceError


def start_processes(count: int, words: Sequence[str]) -> int:
    """Run `lungml words...` in `count` processes that work as one, and wait for them.

    Returns:
        The exit code of the first that failed, which has said why; 0 if none did.

    Raises:
        InterruptedRunError: this process was asked to stop; so were they, and each was given half a minute.
        ServiceError: one of them was killed.
    """
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    options = ["--standalone", "--nproc-per-node", str(count), "-m", "--"]
    try:
        run.main([*options, "lungml", *words])
    except SignalException as error:
        raise InterruptedRunError("stopped on request; the same command goes on") from error
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        if failure.exitcode > 0:
            return failure.exitcode
        raise ServiceError(
            f"process {rank + 1} of {count} was ended by signal {signal.Signals(-failure.exitcode).name}; "
            "often memory ran out. The same command goes on from the last checkpoint"
        ) from error
    return 0
