"""One stage of `dvc.yaml` as a Prefect task: `dvc repro --single-item STAGE`.

DVC is the only cache: a stage it skips ends as `Cached`. A retry helps only where another DVC holds a lock.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from prefect import State, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.concurrency.sync import concurrency
from prefect.exceptions import ObjectNotFound
from prefect.states import Completed, Failed

from lungml.pipeline.processes import Finished, Processes
from lungml.pipeline.step import Ending, dvc_command, ending

GPU_LIMIT = "lungml-gpu"
"""The server's concurrency limit that GPU stages of all flow runs share, if it has one of this name."""
_LINES_IN_A_MESSAGE = 15


@dataclass(frozen=True)
class Workshop:
    """What the steps of one flow run share. `shares_gpu`: the server has the limit `GPU_LIMIT`."""

    processes: Processes
    limit_s: float
    shares_gpu: bool


def server_has_gpu_limit() -> bool:
    """Whether the server limits how many GPU stages run at once over all flow runs."""
    with get_client(sync_client=True) as client:
        try:
            client.read_global_concurrency_limit_by_name(GPU_LIMIT)
        except ObjectNotFound:
            return False
    return True


def _is_locked(_task: Any, _run: Any, state: State[Any]) -> bool:
    first, _, _ = str(state.message).partition(";")  # behind it are lines of the stage
    return first.endswith(f" is {Ending.LOCKED.value}")


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
    slot: AbstractContextManager[None] = nullcontext()
    if pool == "gpu" and workshop.shares_gpu:
        slot = concurrency(GPU_LIMIT, occupy=1)
    with slot:
        finished = workshop.processes.run(dvc_command(stage), on_line=logger.info, limit_s=workshop.limit_s)
    return outcome(stage, finished, workshop.limit_s)


def outcome(stage: str, finished: Finished, limit_s: float) -> State[Any]:
    """The ending as Prefect says it."""
    how = ending(finished)
    if how is Ending.RAN:
        return Completed(message="done")
    if how is Ending.UP_TO_DATE:
        return Completed(name="Cached", message="up to date")
    last = "\n".join(finished.lines[-_LINES_IN_A_MESSAGE:])
    if how is Ending.OVER_TIME:
        return Failed(message=f"{stage} was ended: it took longer than {limit_s / 60:g} minutes. {last}")
    if how is Ending.LOCKED:
        return Failed(message=f"{stage} is {how.value}; it tries again. {last}")
    return Failed(message=f"{stage} failed (exit code {finished.returncode}); its last lines:\n{last}")
