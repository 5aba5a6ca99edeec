"""Several processes that make the steps of a training together; torchrun starts, Accelerate joins them.

Each takes its share of every batch, and gradients are summed, so that all hold the weights that one process
would have. Decisions (a stop, the best epoch) are the first process's, or all processes' together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor

from lungml import compute
from lungml.errors import LungmlError, ServiceError
from lungml.training.data import Share

T = TypeVar("T")


class Processes:
    """Those of this training: this one is number `rank`, from 0, of `count`. Alone, nothing is exchanged."""

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank = rank
        self.count = count

    @property
    def first(self) -> bool:
        """Whether this is the one that writes, decides and talks."""
        return self.rank == 0

    @property
    def share(self) -> Share:
        """Which examples of a batch are this process's."""
        return Share(self.rank, self.count)

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Give each of `tensors` (float32) the sum over all processes; they go in one piece."""
        if self.count == 1:
            return
        from accelerate.utils import reduce

        with self.together():
            total = reduce(torch.cat([each.reshape(-1) for each in tensors]), reduction="sum")
        for tensor, part in zip(tensors, total.split([each.numel() for each in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def any(self, mine: bool) -> bool:
        """Whether one of them says yes."""
        if self.count == 1:
            return mine
        said = torch.tensor(float(mine))
        self.add_up([said])
        return bool(said)

    def from_first(self, compute_it: Callable[[], T]) -> T:
        """What the first process computes, or the error of ours that it ends in; the others wait for it."""
        if self.count == 1:
            return compute_it()
        answer: list[Any] = [None, None]
        if self.first:
            try:
                answer[0] = compute_it()
            except LungmlError as error:
                answer[1] = error
        from accelerate.utils import broadcast_object_list

        with self.together():
            broadcast_object_list(answer)
        if answer[1] is not None:
            raise answer[1]
        result: T = answer[0]
        return result

    def wait(self) -> None:
        """Go on when all have come here."""
        self.any(False)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Where they exchange something, say it plainly when one of them is gone.

        Raises:
            ServiceError: it is.
        """
        try:
            yield
        except RuntimeError as error:
            if self.count == 1 or not _is_of_the_connection(error):
                raise
            raise ServiceError(
                f"another of the {self.count} processes of this training has ended, so process "
                f"{self.rank + 1} ends too ({str(error).splitlines()[0][:200]}). Look at what the other one "
                "said; the same command goes on from the last checkpoint"
            ) from error


ALONE = Processes()


@contextmanager
def joined() -> Iterator[Processes]:
    """The processes that torchrun started, connected for as long as the context lasts."""
    if compute.processes() == 1:
        yield ALONE
        return
    from accelerate import PartialState

    on_gpus = compute.device() != "cpu"
    state = PartialState(cpu=not on_gpus, backend="cuda:nccl,cpu:gloo" if on_gpus else "gloo")
    try:
        yield Processes(state.process_index, state.num_processes)
    finally:
        state.destroy_process_group()


def _is_of_the_connection(error: RuntimeError) -> bool:
    text = str(error).lower()
    known = ("connection closed", "connection reset", "connection refused", "timed out", "broken pipe")
    return isinstance(error, torch.distributed.DistError) or any(words in text for words in known)
