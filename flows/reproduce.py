"""The flow `reproduce`: the graph of `dvc.yaml`, one Prefect task per stage, independent ones side by side.

`dvc repro` gives the same files without Prefect. Without `PREFECT_API_URL`, `python -m flows.reproduce`
starts a server for the time of the run; with it, the run shows up there.
"""

from __future__ import annotations

import argparse
import queue
import sys
import urllib.error
import urllib.request
from functools import partial
from typing import Annotated, Any

from prefect import State, flow
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.futures import PrefectFuture
from prefect.settings import PREFECT_API_URL
from prefect.states import Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from flows.results import result_rows, summary
from flows.settings import project_root
from flows.step import Workshop, run_stage, server_has_gpu_limit
from lungml.errors import LungmlError, ServiceError
from lungml.graph import read_graph
from lungml.pipeline.plan import Plan, gpu_places, with_all_needed
from lungml.pipeline.processes import Processes
from lungml.pipeline.step import stage_environment
from lungml.progress import say
from lungml.signals import as_ctrl_c

_ANSWER_WITHIN_S = 5


@flow(name="reproduce", task_runner=ThreadPoolTaskRunner(), persist_result=False)  # type: ignore[arg-type]
def reproduce(
    targets: list[str] | None = None,
    max_workers: Annotated[int, Field(ge=1)] = 2,
    gpu_slots: Annotated[int, Field(ge=1)] | None = None,
    limit_minutes: Annotated[float, Field(gt=0)] = 720,
) -> State[Any]:
    """Bring the stages of dvc.yaml up to date.

    Args:
        targets: Stages to bring up to date, with all they need; all stages if empty.
        max_workers: Stages that run side by side.
        gpu_slots: Of these, stages with `meta: {pool: gpu}`; by default 1, or all if there is no GPU.
        limit_minutes: A stage that takes longer is ended.
    """
    root = project_root()
    nodes = with_all_needed(read_graph(root), targets)
    processes = Processes(root, stage_environment([node.name for node in nodes]))
    workshop = Workshop(processes, limit_minutes * 60, server_has_gpu_limit())
    plan = Plan(nodes, at_once=max_workers, gpu_at_once=gpu_places(gpu_slots, max_workers))
    try:
        states = _run_all(plan, workshop)
    finally:
        processes.stop()
    _publish(states, plan.not_run)
    failed = {name: state for name, state in states.items() if not state.is_completed()}
    if failed:
        text = "\n".join(str(state.message) for state in failed.values())
        return Failed(message=f"{len(failed)} stage(s) failed, {len(plan.not_run)} not run.\n{text}")
    cached = sum(state.name == "Cached" for state in states.values())
    return Completed(message=f"{len(states)} stages up to date, {cached} of them were already")


def main(arguments: list[str] | None = None) -> int:
    """Run the flow from a shell; the exit code of a failed stage is DVC's, 255."""
    parser = argparse.ArgumentParser(prog="python -m flows.reproduce", description=reproduce.description)
    parser.add_argument("--targets", nargs="*", metavar="STAGE", help="these and all they need; default: all")
    parser.add_argument("--max-workers", type=int, default=2, help="stages side by side (default: 2)")
    parser.add_argument("--gpu-slots", type=int, help="of these, GPU stages (default: 1; all without a GPU)")
    parser.add_argument("--limit-minutes", type=float, default=720, help="longest time of a stage")
    options = vars(parser.parse_args(arguments))
    try:
        with as_ctrl_c():  # the server of the run must not be left behind
            if options["targets"]:  # a misspelt one is said at once
                with_all_needed(read_graph(project_root()), options["targets"])
            _ask_for_an_answer()
            state = reproduce(**options, return_state=True)
        say(f"{state.name}: {state.message}")
        return 0 if state.is_completed() else 255
    except LungmlError as error:
        say(f"lungml: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        say("lungml: stopped; the same command goes on where it was")
        return 130


def _run_all(plan: Plan, workshop: Workshop) -> dict[str, State[Any]]:
    """Start what can start until nothing is left; how each stage ended."""
    futures: dict[str, PrefectFuture[Any]] = {}
    states: dict[str, State[Any]] = {}
    ended: queue.SimpleQueue[str] = queue.SimpleQueue()
    while not plan.is_over:
        for node in plan.start():
            needed = [futures[name] for name in node.needs]
            future = run_stage.submit(node.name, node.pool, workshop, wait_for=needed, return_state=False)
            futures[node.name] = future
            future.add_done_callback(partial(_tell, ended, node.name))
        name = ended.get()
        futures[name].wait()
        states[name] = futures[name].state
        plan.finish(name, success=states[name].is_completed())
    return states


def _tell(ended: queue.SimpleQueue[str], name: str, _future: PrefectFuture[Any]) -> None:
    ended.put(name)


def _publish(states: dict[str, State[Any]], not_run: tuple[str, ...]) -> None:
    """Leave the results where a person sees them: as artifacts of the run."""
    rows = result_rows(project_root())
    named = {name: state.name or state.type.value for name, state in states.items()}
    text = summary(project_root(), named | dict.fromkeys(not_run, "not run"), rows)
    if rows:
        create_table_artifact(rows, key="results", description="Test metrics of each task.")
    create_markdown_artifact(text, key="summary", description="How each stage ended, and the results.")


def _ask_for_an_answer() -> None:
    """A run without its server would only fail much later; ask once, briefly.

    Raises:
        ServiceError: `PREFECT_API_URL` is set and nothing answers there.
    """
    url = PREFECT_API_URL.value()
    if not url:
        return
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/health", timeout=_ANSWER_WITHIN_S):  # noqa: S310
            return
    except urllib.error.HTTPError:
        return  # it answers; whether it lets us in is its business
    except OSError as error:
        raise ServiceError(
            f"no Prefect server answers at {url} ({error}). Start it (docs/running.md), "
            "unset PREFECT_API_URL, or run `dvc repro`, which needs no server"
        ) from error


if __name__ == "__main__":
    sys.exit(main())
