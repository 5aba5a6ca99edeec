"""The graph of stages, read from `dvc.yaml` by DVC itself; never a second list."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lungml.errors import InputError, ServiceError

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
    """Stages in an order in which each comes after all it needs; ties go by their place in `dvc.yaml`.

    Raises:
        InputError: DVC cannot read the project in `root`.
    """
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
    """Names of the stages whose own command, dependencies, parameters or outputs DVC calls changed.

    Raises:
        InputError: DVC cannot read the project in `root`.
        ServiceError: another DVC is at work there.
    """
    with _repository(root) as repo:
        return set(repo.status())


@contextmanager
def _repository(root: Path) -> Iterator[Repo]:
    """DVC's view of a project; DVC names stages relative to the working directory, so that is `root`."""
    from dvc.exceptions import DvcException
    from dvc.lock import LockError
    from dvc.repo import Repo

    here = Path.cwd()
    os.chdir(root)
    try:
        with Repo(str(root)) as repo:
            yield repo
    except LockError as error:
        raise ServiceError(
            f"another DVC is at work in {root}; wait for it and run the same command again. If it was "
            "killed, see docs/troubleshooting.md"
        ) from error
    except DvcException as error:
        raise InputError(
            f"DVC cannot read the stages in {root}: {error}; mend that (`dvc status` shows it too) and run "
            "the same command again"
        ) from error
    finally:
        os.chdir(here)
