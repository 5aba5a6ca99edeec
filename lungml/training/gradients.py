"""The gradients of one step: of a batch in as many micro-batches as memory asks for, checked and limited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from lungml.errors import ModelError
from lungml.models.precision import stepping
from lungml.params.model import RecipeParams
from lungml.progress import say
from lungml.training.data import Batch
from lungml.training.determinism import seeded
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
class Gradients:
    """Gives the parameters of `network` the gradients of a batch's mean loss; `recipe` says how."""

    network: nn.Module
    loss_of: LossOf
    recipe: RecipeParams

    def fill(self, batch: Batch, count: int, key: StepKey) -> tuple[float, int]:
        """Fill them from `batch` in `count` micro-batches; where memory does not suffice, in twice as many.

        The gradients of micro-batches are summed, so only layers that look at a batch as a whole (batch norm,
        and dropout by its draws) see a difference.

        Returns:
            The loss, and the number of micro-batches that fitted, for the steps after it.

        Raises:
            DivergedError: the loss or the gradient is not a number; the text names the nodules.
            ModelError: memory does not suffice for two images.
        """
        before = [(buffer, buffer.clone()) for buffer in self.network.buffers()]
        while True:
            try:
                with seeded(key.seed, key.epoch, key.step):
                    loss = self._sum(batch, count, key)
                break
            except RuntimeError as error:
                if not is_out_of_memory(error):
                    raise
            # not within `except`, where the error still holds the tensors of the step
            count = _twice(count, batch, key)
            self.network.zero_grad(set_to_none=True)
            for buffer, value in before:
                buffer.copy_(value)
        self._limit(batch, key)
        return loss, count

    def _sum(self, batch: Batch, count: int, key: StepKey) -> float:
        total = 0.0
        for micro in batch.micro_batches(count):
            with stepping(self.recipe.precision):
                logits = self.network(*micro.inputs)
            loss = self.loss_of(logits.float(), micro.targets) * (len(micro) / len(batch))
            _check("loss", loss.detach(), micro, key)
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        return total

    def _limit(self, batch: Batch, key: StepKey) -> None:
        """Shorten the gradient of all parameters together to `clip_norm`, if it is longer."""
        parameters = [each for each in self.network.parameters() if each.grad is not None]
        norm = get_total_norm([each.grad for each in parameters if each.grad is not None])
        _check("gradient", norm, batch, key)
        if self.recipe.clip_norm is not None:
            clip_grads_with_norm_(parameters, self.recipe.clip_norm, norm)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether torch found no memory, on a GPU or in the machine."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def _twice(count: int, batch: Batch, key: StepKey) -> int:
    """Batch norm of one image is not defined, so a micro-batch has two at least."""
    if 2 * count > len(batch) // 2:
        raise ModelError(
            f"there is not enough memory in {key}, with {len(batch)} images in {count} micro-batches. "
            "Take a smaller backbone or views.size_px, free memory, or set recipe.precision: bfloat16"
        )
    say(f"  not enough memory in {key}: batches go through in {2 * count} micro-batches from now on")
    return 2 * count


def _check(what: str, value: Tensor, batch: Batch, key: StepKey) -> None:
    if not bool(value.isfinite()):
        raise DivergedError(
            f"the training {what} is {float(value)} in {key}. "
            f"The batch held the nodules {', '.join(batch.nodule_ids)}. "
            "Look at these, or lower the learning rate (tune.space.learning_rate in params.yaml)"
        )
