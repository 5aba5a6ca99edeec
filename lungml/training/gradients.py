"""The gradients of one step: of a batch in as many micro-batches as memory asks for, checked and limited."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from lungml.errors import ModelError
from lungml.models.memory import is_out_of_memory
from lungml.models.precision import EXACT, Engine, stepping
from lungml.params.model import RecipeParams
from lungml.progress import say
from lungml.training.data import Batch
from lungml.training.determinism import seeded
from lungml.training.processes import ALONE, Processes
from lungml.training.statistics import exchanges_statistics
from lungml.training.validation import DivergedError

LossOf = Callable[[Tensor, Tensor], Tensor]
"""logits (N, K), targets (N, K) -> mean over the batch."""


@dataclass(frozen=True)
class StepKey:
    """Which step of a training it is; everything random in it comes from this."""

    seed: int
    epoch: int
    step: int

    def __str__(self) -> str:
        return f"epoch {self.epoch + 1}, step {self.step + 1}"


@dataclass(frozen=True)
class Filled:
    """Gradients that are there, or that a GPU still computes; `count` micro-batches fitted into memory.

    `figures` (count + 1,): the loss of each micro-batch, as a share of the batch's, and the gradient's norm.
    """

    batch: Batch
    key: StepKey
    count: int
    figures: Tensor

    def loss(self) -> float:
        """Wait for them, the only time in a step, and give the mean loss.

        Raises:
            DivergedError: the loss or the gradient is not a number; the text names the nodules.
        """
        *losses, norm = self.figures.tolist()
        total = 0.0
        for micro, loss in zip(self.batch.micro_batches(self.count), losses, strict=True):
            _check("loss", loss, micro, self.key)
            total += loss
        _check("gradient", norm, self.batch, self.key)
        return total


@dataclass(frozen=True)
class Gradients:
    """Gives the parameters of `network` the gradients of a batch's mean loss; `recipe` says how."""

    network: nn.Module
    loss_of: LossOf
    recipe: RecipeParams
    engine: Engine = EXACT
    processes: Processes = ALONE

    def fill(self, batch: Batch, count: int, key: StepKey) -> Filled:
        """Fill them from `batch` in `count` micro-batches; where memory does not suffice, in twice as many.

        The gradients of micro-batches are summed, so only layers that look at a batch as a whole (batch norm,
        and dropout by its draws) see a difference. Together they are shortened to `clip_norm`. Of several
        processes each fills in its share, and all get the sum; dropout is each one's own.

        Where memory is missing in one of several, all of them start the step again.

        Raises:
            ModelError: memory does not suffice for two images (of several processes: for one in each), or it
                is missing in one of several that wait for each other's statistics in the middle of the step.
        """
        buffers = Buffers(self.network.buffers())
        while (losses := self._tried(batch, count, key)) is None:
            count = _twice(count, batch, key, self.processes)
            self.network.zero_grad(set_to_none=True)
            buffers.put_back()
        self.processes.add_up([*self._filled(), *losses])
        return Filled(batch, key, count, torch.stack([*losses, self._limit()]))

    def _tried(self, batch: Batch, count: int, key: StepKey) -> list[Tensor] | None:
        """The loss of each micro-batch; None if memory did not suffice, in this process or in another."""
        losses = None
        try:
            with seeded(*self._key(key), device=self.engine.device):
                losses = self._backward(batch, count)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            if exchanges_statistics(self.network):
                raise self._cannot_start_again(batch, count, key) from error
        # not within `except`, where the error still holds the tensors of the step
        return None if self.processes.any(losses is None) else losses

    def _cannot_start_again(self, batch: Batch, count: int, key: StepKey) -> ModelError:
        return ModelError(
            f"there is not enough memory in {key}, in process {self.processes.rank + 1} of "
            f"{self.processes.count}, with {len(batch.targets)} images in {count} micro-batches. Take more "
            f"processes, or set recipe.accumulate to {2 * count} or recipe.norm_statistics to frozen in "
            "params.yaml"
        )

    def _key(self, key: StepKey) -> tuple[int, ...]:
        alone = (key.seed, key.epoch, key.step)
        return alone if self.processes.count == 1 else (*alone, self.processes.rank)

    def _filled(self) -> list[Tensor]:
        return [each.grad for each in self.network.parameters() if each.grad is not None]

    def _backward(self, batch: Batch, count: int) -> list[Tensor]:
        losses = []
        for micro in batch.micro_batches(count):
            with stepping(self.engine):
                logits = self.network(*micro.inputs)
            loss = self.loss_of(logits.float(), micro.targets) * (len(micro.targets) / len(batch))
            loss.backward()  # type: ignore[no-untyped-call]
            losses.append(loss.detach())
        return losses

    def _limit(self) -> Tensor:
        """Shorten the gradient of all parameters together to `clip_norm`, if it is longer than that."""
        norm = get_total_norm(self._filled())
        if self.recipe.clip_norm is not None:
            clip_grads_with_norm_(self.network.parameters(), self.recipe.clip_norm, norm)
        return norm


class Buffers:
    """A copy of a network's buffers (statistics of batch norm), in one piece for each type of number."""

    def __init__(self, buffers: Iterable[Tensor]) -> None:
        self._by_type: dict[torch.dtype, list[Tensor]] = {}
        for buffer in buffers:
            self._by_type.setdefault(buffer.dtype, []).append(buffer)
        self._copies = {
            kind: torch.cat([each.reshape(-1) for each in own]) for kind, own in self._by_type.items()
        }

    def put_back(self) -> None:
        """Give the buffers the values they had."""
        for kind, own in self._by_type.items():
            parts = torch.split(self._copies[kind], [each.numel() for each in own])
            for buffer, part in zip(own, parts, strict=True):
                buffer.copy_(part.view_as(buffer))


def _twice(count: int, batch: Batch, key: StepKey, processes: Processes) -> int:
    """A micro-batch has an image for each process, and two at least: batch norm of one is not defined."""
    smallest = len(batch) if processes.count == 1 else len(batch) - 1  # other batches may have one less
    if smallest // (2 * count) < max(2, processes.count):
        raise ModelError(
            f"there is not enough memory in {key}, with {len(batch)} images in {count} micro-batches. "
            "Take a smaller backbone or views.size_px, free memory, or set recipe.precision: bfloat16"
        )
    if processes.first:
        say(f"  not enough memory in {key}: batches go through in {2 * count} micro-batches from now on")
    return 2 * count


def _check(what: str, value: float, batch: Batch, key: StepKey) -> None:
    if not math.isfinite(value):
        raise DivergedError(
            f"the training {what} is {value} in {key}. "
            f"The batch held the nodules {', '.join(batch.nodule_ids)}. "
            "Look at these, or lower the learning rate (tune.space.learning_rate in params.yaml)"
        )
