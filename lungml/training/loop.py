"""The training loop: a generator that yields one record an epoch.

Everything random in a step is keyed by (seed, epoch, step) and the thread count is a parameter, so the same
arguments give the same bytes on CPUs of the same kind, resumed or not. Nothing global stays changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from lungml.errors import InterruptedRunError
from lungml.models.classifier import Classifier
from lungml.models.freezing import set_frozen
from lungml.models.precision import stepping
from lungml.params.model import RecipeParams
from lungml.training.checkpoint import Checkpoints
from lungml.training.data import Batch, TrainingData, count_steps, epoch_batches
from lungml.training.determinism import reproducible, seeded
from lungml.training.losses import LOSSES
from lungml.training.optim import set_learning_rate
from lungml.training.schedule import EpochPlan, plan_epochs
from lungml.training.state import EpochRecord, TrainingState
from lungml.training.validation import DivergedError, validate


@dataclass(frozen=True)
class Settings:
    """What one training does; `learning_rate` is for a schedule without rates of its own."""

    batch_size: int
    optimizer: str
    learning_rate: float | None
    head_epochs: int
    epochs: int
    patience: int
    recipe: RecipeParams
    seed: int
    keep: Literal["best", "last"] = "best"
    """`last` trains all epochs and keeps the last one: the validation part then chooses nothing, so what is
    measured on it is honest."""


def train(
    classifier: Classifier,
    data: TrainingData,
    settings: Settings,
    *,
    checkpoints: Checkpoints | None = None,
    stop_asked: Callable[[], bool] = lambda: False,
) -> Iterator[EpochRecord]:
    """Train `classifier` in place, epoch by epoch; when exhausted it carries its best weights.

    The best epoch is the one with the highest validation weighted AUPRC, of equal ones the one with the
    lowest validation loss; with `settings.keep` last, the last one's weights are carried. With `checkpoints`,
    epochs of an earlier run are yielded again, not redone.

    Raises:
        DivergedError: the loss is NaN or infinite; the text names the nodules of the batch.
        InterruptedRunError: `stop_asked` said yes; the step was finished and saved.
    """
    plans = plan_epochs(settings.recipe, settings.learning_rate, settings.head_epochs, settings.epochs)
    state = TrainingState(classifier, settings.optimizer, settings.recipe)
    if checkpoints and (saved := checkpoints.load()):
        state.load_state_dict(saved)
    yield from state.records
    while not _is_done(state, settings):
        with reproducible(settings.recipe.threads):
            _train_epoch(state, plans[state.epoch], data, settings, _Safety(checkpoints, stop_asked))
            with stepping(settings.recipe.precision):
                validation = validate(classifier, state.average.state, data)
            state.close_epoch(plans[state.epoch].phase, validation, keep=settings.keep)
        if checkpoints:
            checkpoints.save(state.state_dict(), epoch=state.epoch, step=0)
        yield state.records[-1]
    classifier.load_state_dict(state.best_weights)
    classifier.eval()


@dataclass(frozen=True)
class _Safety:
    """What keeps a training from being lost."""

    checkpoints: Checkpoints | None
    stop_asked: Callable[[], bool]

    def after_step(self, state: TrainingState) -> None:
        if not self.stop_asked():
            return
        if self.checkpoints:
            self.checkpoints.save(state.state_dict(), epoch=state.epoch, step=state.step)
        raise InterruptedRunError(
            f"training was stopped on request in epoch {state.epoch + 1}, after step {state.step}; "
            "the same command goes on from there"
        )


def _train_epoch(
    state: TrainingState, plan: EpochPlan, data: TrainingData, settings: Settings, safety: _Safety
) -> None:
    recipe, epoch = settings.recipe, state.epoch
    steps = count_steps(data.train, recipe, settings.batch_size)
    state.open_epoch()
    loss_of = _loss(data, recipe)
    set_frozen(state.classifier.backbone, plan.frozen_fraction)
    state.classifier.train()  # after the freezing, which decides what follows it
    batches = epoch_batches(
        data, recipe, settings.batch_size, seed=settings.seed, epoch=epoch, first_step=state.step
    )
    for batch in batches:
        set_learning_rate(state.optimizer, plan.learning_rate(state.step / steps))
        with seeded(settings.seed, epoch, state.step):
            with stepping(recipe.precision):
                logits = state.classifier(batch.images)
            loss = loss_of(logits.float(), batch.targets)
        _check(loss, batch, state)
        loss.backward()  # type: ignore[no-untyped-call]
        state.finish_step(float(loss.detach()), len(batch.images))
        safety.after_step(state)


def _loss(data: TrainingData, recipe: RecipeParams) -> Callable[[Tensor, Tensor], Tensor]:
    weights = data.class_weights(recipe)
    loss = LOSSES[recipe.loss]
    return lambda logits, targets: loss(logits, targets, weights)


def _check(loss: Tensor, batch: Batch, state: TrainingState) -> None:
    if not bool(loss.detach().isfinite()):
        raise DivergedError(
            f"the training loss is {float(loss.detach())} in epoch {state.epoch + 1}, step {state.step + 1}. "
            f"The batch held the nodules {', '.join(batch.nodule_ids)}. "
            "Look at these, or lower the learning rate (tune.learning_rate in params.yaml)"
        )


def _is_done(state: TrainingState, settings: Settings) -> bool:
    """All epochs are over, or none of the schedule's last `patience` ones was the best."""
    if settings.keep == "last":
        return state.epoch == settings.head_epochs + settings.epochs
    waited = state.epoch - max(state.best_epoch, settings.head_epochs)
    return state.epoch == settings.head_epochs + settings.epochs or waited >= settings.patience
