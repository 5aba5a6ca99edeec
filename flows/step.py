"""One stage of `dvc.yaml` as a Prefect task: `dvc repro --single-item STAGE`.

DVC is the only cache: a stage it skips ends as `Cached`. A retry helps only where another DVC holds a lock.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import State, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed, Failed

from flows.processes import Finished, Processes
from lungml.graph import StageNode

GPU_LIMIT = "lungml-gpu"
"""The server's concurrency limit that GPU stages of all flow runs share, if it has one of this name."""
_SKIPPED = ("didn't change, skipping", "is cached - skipping run")
_BUSY = ("is busy, it is being blocked", "Unable to acquire lock")
_LOCKED = "locked by another DVC"
_LINES_IN_A_MESSAGE = 15


@dataclass(frozen=True)
class Workshop:
    """What the steps of one flow run share. `shares_gpu`: the server has the limit `GPU_LIMIT`."""

    processes: Processes
    limit_s: float
    shares_gpu: bool


def stage_environment(nodes: Sequence[StageNode]) -> Mapping[str, str]:
    """The environment of DVC: `lungml` of this Python first, lines unbuffered, the stages for counting.

    `OMP_WAIT_POLICY`: threads that wait for each other must not spin where stages run side by side. It
    changes no result; two searches at once on two cores took 38 s with it and 100 s without.
    """
    environment = dict(os.environ)
    environment.pop("DVC_ROOT", None)
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment["PYTHONUNBUFFERED"] = "1"
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    environment["LUNGML_STAGE_ORDER"] = ",".join(node.name for node in nodes)
    return environment


def server_has_gpu_limit() -> bool:
    """Whether the server limits how many GPU stages run at once over all flow runs."""
    with get_client(sync_client=True) as client:
        try:
            client.read_global_concurrency_limit_by_name(GPU_LIMIT)
        except ObjectNotFound:
            return False
    return True


def _is_locked(_task: Any, _run: Any, state: State[Any]) -> bool:
    return _LOCKED in str(state.message)


@task(
    cache_policy=NO_CACHE,
    task_run_name="{stage}",
    retries=5,
    retry_delay_seconds=3,
    retry_condition_fn=_is_locked,
    persist_result=False,
)
def run_stage(stage: str, pool: str, workshop: Workshop) -> State[Any]:
    """Bring one stage up to date; what it needs is up to date already."""
    logger = get_run_logger()
    command = [sys.executable, "-m", "dvc", "repro", "--single-item", stage]
    slot: AbstractContextManager[None] = nullcontext()
    if pool == "gpu" and workshop.shares_gpu:
        slot = concurrency(GPU_LIMIT, occupy=1)
    with slot:
        finished = workshop.processes.run(command, on_line=logger.info, limit_s=workshop.limit_s)
    return outcome(stage, finished, workshop.limit_s)


def outcome(stage: str, finished: Finished, limit_s: float) -> State[Any]:
    """What DVC's words and exit code mean."""
    text = "\n".join(finished.lines)
    if finished.returncode == 0 and not finished.over_time:
        skipped = any(words in text for words in _SKIPPED)
        return Completed(name="Cached", message="up to date") if skipped else Completed(message="done")
    last = "\n".join(finished.lines[-_LINES_IN_A_MESSAGE:])
    if finished.over_time:
        return Failed(message=f"{stage} was ended: it took longer than {limit_s / 60:g} minutes. {last}")
    if any(words in text for words in _BUSY):
        return Failed(message=f"{stage} is {_LOCKED}; it tries again. {last}")
    return Failed(message=f"{stage} failed (exit code {finished.returncode}); its last lines:\n{last}")
