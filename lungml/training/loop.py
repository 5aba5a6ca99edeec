"""The training loop: a generator that yields one record an epoch.

Everything random in a step is keyed by (seed, epoch, step) and the thread count is a parameter, so the same
arguments give the same bytes on CPUs of the same kind, resumed or not. Nothing global stays changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from lungml.models.classifier import Classifier
from lungml.models.freezing import set_frozen
from lungml.models.precision import stepping
from lungml.params.model import RecipeParams
from lungml.training.checkpoint import Checkpoints
from lungml.training.data import TrainingData, draw_steps
from lungml.training.determinism import reproducible
from lungml.training.feeds import Feed, Feeder, WholeImages
from lungml.training.gradients import Gradients, LossOf, StepKey
from lungml.training.losses import LOSSES
from lungml.training.optim import set_learning_rate
from lungml.training.prefixes import Prefixes
from lungml.training.safety import Safety
from lungml.training.schedule import EpochPlan, plan_epochs
from lungml.training.state import EpochRecord, TrainingState
from lungml.training.validation import validate


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
    prefixes: Prefixes | None = None,
    stop_asked: Callable[[], bool] = lambda: False,
) -> Iterator[EpochRecord]:
    """Train `classifier` in place, epoch by epoch; when exhausted it carries its best weights.

    The best epoch is the one with the highest validation weighted AUPRC, of equal ones the one with the
    lowest validation loss; with `settings.keep` last, the last one's weights are carried. With `checkpoints`,
    epochs of an earlier run are yielded again, not redone. Trainings that share `prefixes` share what frozen
    layers made of the same data.

    Raises:
        DivergedError: the loss or the gradient is not a number; the text names the nodules of the batch. That
            step is not taken, and `classifier` goes back to its best weights.
        InterruptedRunError: `stop_asked` said yes; the step was finished and saved.
    """
    state = TrainingState(classifier, settings.optimizer, settings.recipe)
    safety = Safety(checkpoints, stop_asked)
    safety.resume(state)
    whole = WholeImages(classifier, data, settings.recipe, settings.seed)
    course = _Course(settings, data, Feeder(whole, prefixes or Prefixes(safety.folder)), safety)
    plans = plan_epochs(settings.recipe, settings.learning_rate, settings.head_epochs, settings.epochs)
    yield from state.records
    while not _is_done(state, settings):
        with safety.rolling_back(state), reproducible(settings.recipe.threads):
            course.run_epoch(state, plans[state.epoch])
            safety.after_epoch(state)
        yield state.records[-1]
    classifier.load_state_dict(state.best_weights)
    classifier.eval()


@dataclass(frozen=True)
class _Course:
    """What is the same in all epochs of a training."""

    settings: Settings
    data: TrainingData
    feeder: Feeder
    safety: Safety

    def run_epoch(self, state: TrainingState, plan: EpochPlan) -> None:
        recipe = self.settings.recipe
        set_frozen(state.classifier.backbone, plan.frozen_fraction, recipe.norm_statistics)
        state.classifier.train()  # after the freezing, which decides what follows it
        state.open_epoch()
        feed = self.feeder.choose()
        self._take_steps(state, plan, feed)
        network, batches = feed.validation(state.average.state)
        with stepping(recipe.precision):
            validation = validate(network, state.average.state, batches, self.data.val.labels)
        state.close_epoch(plan.phase, validation, keep=self.settings.keep)

    def _take_steps(self, state: TrainingState, plan: EpochPlan, feed: Feed) -> None:
        settings, epoch = self.settings, state.epoch
        gradients = Gradients(feed.network, _loss(self.data, settings.recipe), settings.recipe)
        steps = draw_steps(
            self.data.train, settings.recipe, settings.batch_size, seed=settings.seed, epoch=epoch
        )
        for step in range(state.step, len(steps)):
            batch = feed.batch(steps[step], epoch=epoch, step=step)
            key = StepKey(settings.seed, epoch, step)
            loss, state.micro_batches = gradients.fill(batch, state.micro_batches, key)
            set_learning_rate(state.optimizer, plan.learning_rate(step / len(steps)))
            state.finish_step(loss, len(batch))
            self.safety.after_step(state)


def _loss(data: TrainingData, recipe: RecipeParams) -> LossOf:
    weights = data.class_weights(recipe)
    loss = LOSSES[recipe.loss]
    return lambda logits, targets: loss(logits, targets, weights)


def _is_done(state: TrainingState, settings: Settings) -> bool:
    """All epochs are over, or none of the schedule's last `patience` ones was the best."""
    if settings.keep == "last":
        return state.epoch == settings.head_epochs + settings.epochs
    waited = state.epoch - max(state.best_epoch, settings.head_epochs)
    return state.epoch == settings.head_epochs + settings.epochs or waited >= settings.patience
