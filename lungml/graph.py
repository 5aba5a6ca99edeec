"""The graph of stages, read from `dvc.yaml` by DVC itself; never a second list."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dvc.repo import Repo


@dataclass(frozen=True)
class StageNode:
    """A stage of `dvc.yaml`.

    `needs` are the stages whose outputs it reads; `pool` is where it must run, `meta: {pool: gpu}`.
    """

    name: str
    needs: tuple[str, ...]
    pool: str
    description: str


def read_graph(root: Path) -> list[StageNode]:
    """Stages in an order in which each comes after all it needs; ties go by their place in `dvc.yaml`."""
    import networkx as nx

    with _repository(root) as repo:
        graph = repo.index.graph
        place = {stage: number for number, stage in enumerate(repo.index.stages)}
        order = nx.lexicographical_topological_sort(graph.reverse(copy=True), key=place.__getitem__)
        return [
            StageNode(
                name=stage.addressing,
                needs=tuple(sorted(needed.addressing for needed in graph.successors(stage))),
                pool=(stage.meta or {}).get("pool", "cpu"),
                description=stage.desc or "",
            )
            for stage in order
        ]


def out_of_date(root: Path) -> set[str]:
    """Names of the stages whose own command, dependencies, parameters or outputs DVC calls changed."""
    with _repository(root) as repo:
        return set(repo.status())


@contextmanager
def _repository(root: Path) -> Iterator[Repo]:
    """DVC's view of a project; DVC names stages relative to the working directory, so that is `root`."""
    from dvc.repo import Repo

    here = Path.cwd()
    os.chdir(root)
    try:
        with Repo(str(root)) as repo:
            yield repo
    finally:
        os.chdir(here)
