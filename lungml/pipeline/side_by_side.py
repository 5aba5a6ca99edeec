"""The stages of `dvc.yaml`, independent ones side by side, as `make --jobs` would run them."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from lungml.graph import StageNode, out_of_date
from lungml.pipeline.plan import Plan, gpu_places
from lungml.pipeline.processes import Processes
from lungml.pipeline.step import Ending, dvc_command, ending, stage_environment

_TRIES = 6
_PAUSE_S = 3.0
INTERRUPTED = 130
"""Exit code of a run that was stopped."""
_CHATTER = (
    "Running stage ",
    "> ",
    "Generating lock file",
    "Updating lock file",
    "Use `dvc push`",
    "To track the changes with git",
    "To enable auto staging",
    "\tgit add ",
    "\tdvc config core.autostage",
)
"""What DVC says of itself for every stage: said thirty times over, it hides what the stages say."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    `stage` is the one that failed, or what ran when the run was stopped; `reason` is its own last sentence.
    """

    exit_code: int
    stage: str = ""
    reason: str = ""


def run_side_by_side(
    nodes: Sequence[StageNode], root: Path, *, at_once: int, show: Callable[[str, str], None]
) -> Outcome:
    """Bring all stages of the project in `root` up to date, those that can at the same time.

    Once a stage has failed, none is started, and those that run come to their end. Ctrl-C (a
    `KeyboardInterrupt`) ends what runs.

    Args:
        nodes: all stages, in an order that works.
        root: folder of `dvc.yaml`.
        at_once: stages at the same time; on a GPU, one of them.
        show: takes a stage's name and a line that it said; called from several threads.

    Raises:
        InputError: DVC cannot read the project in `root`.
        ServiceError: another DVC is at work there.
    """
    stale = _stale(nodes, root)
    order = [node.name for node in nodes]
    plan = Plan(
        [node for node in nodes if node.name in stale],
        at_once=at_once,
        gpu_at_once=gpu_places(None, at_once),
        done=set(order) - stale,
    )
    processes = Processes(root, stage_environment(order))
    with tempfile.TemporaryDirectory(prefix="lungml-") as notes, ThreadPoolExecutor(at_once) as threads:
        try:
            return _run_all(plan, lambda name: threads.submit(_run_stage, name, processes, Path(notes), show))
        finally:
            processes.stop()


def _stale(nodes: Sequence[StageNode], root: Path) -> set[str]:
    """What DVC calls changed, and all that depends on it."""
    stale = out_of_date(root)
    for node in nodes:  # in order, so a stage is met after all it needs
        if stale & set(node.needs):
            stale.add(node.name)
    return stale


def _run_all(plan: Plan, submit: Callable[[str], Future[Outcome]]) -> Outcome:
    running: dict[Future[Outcome], str] = {}
    failed: list[Outcome] = []
    try:
        while not plan.is_over:
            running |= {submit(node.name): node.name for node in plan.start()}
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                outcome = future.result()
                plan.finish(running.pop(future), success=not outcome.exit_code)
                if outcome.exit_code:
                    failed.append(outcome)
                    plan.start_no_more()
    except KeyboardInterrupt:
        return Outcome(INTERRUPTED, " and ".join(sorted(running.values())))
    return failed[0] if failed else Outcome(0)


def _run_stage(name: str, processes: Processes, notes: Path, show: Callable[[str, str], None]) -> Outcome:
    """Bring one stage up to date; the exit code is the stage's own where it noted one, else DVC's."""
    note = Path(tempfile.mkdtemp(dir=notes)) / "note"  # a name may hold a slash
    for left in reversed(range(_TRIES)):
        finished = processes.run(
            dvc_command(name),
            on_line=lambda line: _show(show, name, line),
            limit_s=math.inf,
            more={"LUNGML_STAGE_NOTE": str(note)},
        )
        how = ending(finished)
        if how is not Ending.LOCKED or not left:
            break
        time.sleep(_PAUSE_S)
    if how in (Ending.RAN, Ending.UP_TO_DATE):
        return Outcome(0, name)
    _, _, code = note.read_text(encoding="utf-8").partition("\n") if note.is_file() else ("", "", "")
    reasons = [line.removeprefix("lungml: ") for line in finished.lines if line.startswith("lungml: ")]
    return Outcome(int(code or finished.returncode), name, reasons[-1] if reasons else "")


def _show(show: Callable[[str, str], None], name: str, line: str) -> None:
    if line.strip() and not line.startswith(_CHATTER):
        show(name, line)
