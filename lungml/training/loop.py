"""The training loop: a generator that yields one record an epoch.

Everything random in a step is keyed by (seed, epoch, step) and the thread count is a parameter, so the same
arguments give the same bytes on CPUs of the same kind, resumed or not. Nothing global stays changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from lungml.augment.balance import Showings
from lungml.errors import ParamsError
from lungml.models.classifier import Classifier
from lungml.models.freezing import set_frozen
from lungml.models.heads import set_dropout
from lungml.models.placing import placed
from lungml.models.precision import Engine, choose_engine, stepping
from lungml.params.model import RecipeParams
from lungml.training.checkpoint import Checkpoints
from lungml.training.data import TrainingData, draw_steps, pieces_of
from lungml.training.determinism import reproducible
from lungml.training.feeds import Feed, Feeder, WholeImages
from lungml.training.gradients import Gradients, LossOf, StepKey
from lungml.training.losses import LOSSES
from lungml.training.optim import set_learning_rate
from lungml.training.prefixes import Prefixes
from lungml.training.processes import ALONE, Processes
from lungml.training.safety import Safety
from lungml.training.schedule import EpochPlan, plan_epochs
from lungml.training.state import EpochRecord, TrainingState
from lungml.training.statistics import shared_statistics
from lungml.training.validation import Validation, validate


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
    device: str = "cpu"
    """Where it is done, as torch names it."""

    @property
    def engine(self) -> Engine:
        """The device, and the precision that the recipe asks for.

        Raises:
            ParamsError: the device has not got it.
        """
        return choose_engine(self.device, self.recipe.precision, "recipe.precision")


def train(
    classifier: Classifier,
    data: TrainingData,
    settings: Settings,
    *,
    checkpoints: Checkpoints | None = None,
    prefixes: Prefixes | None = None,
    stop_asked: Callable[[], bool] = lambda: False,
    processes: Processes = ALONE,
) -> Iterator[EpochRecord]:
    """Train `classifier` in place, epoch by epoch; when exhausted it carries its best weights.

    The best epoch is the one with the highest validation weighted AUPRC, of equal ones the one with the
    lowest validation loss; with `settings.keep` last, the last one's weights are carried. With `checkpoints`,
    epochs of an earlier run are yielded again, not redone. Trainings that share `prefixes` share what frozen
    layers made of the same data. Of several `processes` each calls this with the same arguments, and each
    ends with the same weights: those of one process, up to rounding and the draws of dropout.

    Raises:
        ParamsError: a batch has fewer images than there are processes.
        DivergedError: the loss or the gradient is not a number; the text names the nodules of the batch. That
            step is not taken, and `classifier` goes back to its best weights.
        InterruptedRunError: `stop_asked` said yes; the step was finished and saved.
    """
    set_dropout(classifier.head, settings.recipe.dropout)
    engine, safety = settings.engine, Safety(checkpoints, stop_asked, processes)
    plans = plan_epochs(settings.recipe, settings.learning_rate, settings.head_epochs, settings.epochs)
    with placed(classifier, engine), shared_statistics(classifier, processes):
        state = TrainingState(classifier, settings.optimizer, settings.recipe)
        safety.resume(state)
        whole = WholeImages(
            classifier, data, settings.recipe, settings.seed, engine=engine, share=processes.share
        )
        course = _Course(settings, data, Feeder(whole, prefixes or Prefixes(safety.folder)), safety)
        yield from state.records
        while not _is_done(state, settings):
            with (
                processes.together(),
                safety.rolling_back(state),
                reproducible(settings.recipe.threads, engine.device),
            ):
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
        validation = self.safety.processes.from_first(lambda: self._validate(state, feed))
        state.close_epoch(plan.phase, validation, keep=self.settings.keep)

    def _validate(self, state: TrainingState, feed: Feed) -> Validation:
        network, batches = feed.validation(state.average.state)
        with stepping(self.settings.engine):
            return validate(network, state.average.state, batches, self.data.val.labels)

    def _take_steps(self, state: TrainingState, plan: EpochPlan, feed: Feed) -> None:
        settings, epoch = self.settings, state.epoch
        loss_of = _loss(self.data, settings.recipe, settings.device)
        processes = self.safety.processes
        gradients = Gradients(feed.network, loss_of, settings.recipe, settings.engine, processes)
        steps = draw_steps(
            self.data.train, settings.recipe, settings.batch_size, seed=settings.seed, epoch=epoch
        )
        _check_sizes(steps, state.micro_batches, processes)
        batches = (feed.batch(shown, epoch=epoch, step=step) for step, shown in _from(steps, state.step))
        batch = next(batches, None)
        while batch is not None:
            filled = gradients.fill(batch, state.micro_batches, StepKey(settings.seed, epoch, state.step))
            following = next(batches, None)  # is made while a GPU still computes
            loss, state.micro_batches = filled.loss(), filled.count
            set_learning_rate(state.optimizer, plan.learning_rate(state.step / len(steps)))
            state.finish_step(loss, len(batch))
            self.safety.after_step(state)
            batch = following


def _check_sizes(steps: list[Showings], micro_batches: int, processes: Processes) -> None:
    size = min(len(shown.rows) for shown in steps)
    smallest = size // pieces_of(size, micro_batches)
    if processes.count > 1 and smallest < processes.count:
        raise ParamsError(
            f"a micro-batch of {smallest} image(s) cannot be shared by {processes.count} processes; start "
            "fewer of them, or take larger batches (tune.space.batch_size) or a lower recipe.accumulate"
        )


def _from(steps: list[Showings], first: int) -> list[tuple[int, Showings]]:
    return list(enumerate(steps))[first:]


def _loss(data: TrainingData, recipe: RecipeParams, device: str) -> LossOf:
    weights = data.class_weights(recipe)
    weights = None if weights is None else weights.to(device)
    loss = LOSSES[recipe.loss]
    return lambda logits, targets: loss(logits, targets, weights)


def _is_done(state: TrainingState, settings: Settings) -> bool:
    """All epochs are over, or none of the schedule's last `patience` ones was the best."""
    if settings.keep == "last":
        return state.epoch == settings.head_epochs + settings.epochs
    waited = state.epoch - max(state.best_epoch, settings.head_epochs)
    return state.epoch == settings.head_epochs + settings.epochs or waited >= settings.patience
