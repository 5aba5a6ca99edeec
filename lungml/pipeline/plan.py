"""Which stages can start now: all they need is done, and there is a place for them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from lungml.errors import ParamsError
from lungml.graph import StageNode


def with_all_needed(nodes: Sequence[StageNode], targets: Iterable[str] | None) -> list[StageNode]:
    """The targets and everything they need, in the order of `nodes`; without targets, all.

    A target is a stage (`tune@nodule-five`) or all of its name (`tune`).

    Raises:
        ParamsError: there is no such stage.
    """
    if not targets:
        return list(nodes)
    by_name = {node.name: node for node in nodes}
    waiting = [name for target in targets for name in _named(target, by_name)]
    wanted: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in wanted:
            wanted.add(name)
            waiting.extend(by_name[name].needs)
    return [node for node in nodes if node.name in wanted]


def gpu_places(asked: int | None, at_once: int) -> int:
    """How many stages of the GPU pool run at once: as asked; else 1, or all places where there is no GPU."""
    if asked is not None:
        return asked
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1") or os.environ.get("LUNGML_DEVICE") == "cpu"
    has_gpu = not hidden and any(Path("/dev").glob("nvidia[0-9]*"))
    return 1 if has_gpu else at_once


class Plan:
    """Stages in an order that works, so many at a time, and of those that want a GPU so many."""

    def __init__(
        self, nodes: Sequence[StageNode], *, at_once: int, gpu_at_once: int, done: Iterable[str] = ()
    ) -> None:
        self._waiting = list(nodes)
        self._running: dict[str, StageNode] = {}
        self._done = set(done)
        self._lost: list[str] = []
        self._at_once, self._gpu_at_once = at_once, gpu_at_once

    @property
    def is_over(self) -> bool:
        """Nothing runs and nothing can start."""
        return not self._running and not self._waiting

    @property
    def not_run(self) -> tuple[str, ...]:
        """Stages that were left out because a stage failed."""
        return tuple(self._lost)

    def start(self) -> list[StageNode]:
        """Take the stages that can start now; they count as running."""
        started = []
        for node in list(self._waiting):
            if set(node.needs) <= self._done and self._has_place(node):
                self._waiting.remove(node)
                self._running[node.name] = node
                started.append(node)
        return started

    def finish(self, name: str, *, success: bool) -> None:
        """Note that a stage has ended; without success, what needs it is left out."""
        del self._running[name]
        if success:
            self._done.add(name)
            return
        gone = {name}
        for node in list(self._waiting):  # in order, so what needs the left-out is met after them
            if gone & set(node.needs):
                gone.add(node.name)
                self._waiting.remove(node)
                self._lost.append(node.name)

    def start_no_more(self) -> None:
        """Leave out all that has not started."""
        self._lost.extend(node.name for node in self._waiting)
        self._waiting.clear()

    def _has_place(self, node: StageNode) -> bool:
        on_gpu = sum(running.pool == "gpu" for running in self._running.values())
        return len(self._running) < self._at_once and (node.pool != "gpu" or on_gpu < self._gpu_at_once)


def _named(target: str, by_name: dict[str, StageNode]) -> list[str]:
    names = [name for name in by_name if name == target or name.split("@")[0] == target]
    if not names:
        raise ParamsError(f"dvc.yaml has no stage {target!r}; it has {', '.join(by_name)}")
    return names
