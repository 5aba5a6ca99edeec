"""Where a training stands: everything a checkpoint must hold for an identical continuation."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from torch import Tensor, nn

from lungml.models.classifier import Classifier
from lungml.params.model import RecipeParams
from lungml.training.optim import Average, build_optimizer, copy_state, layer_rate_shares, resume_optimizer
from lungml.training.record import Record
from lungml.training.validation import Validation


@dataclass(frozen=True)
class EpochRecord(Record):
    """One epoch, for a person and for the learning curve; `epoch` counts from 1 through both phases.

    `learning_rate` is the last step's, `trainable_share` of parameters. The last two depend on the machine
    and the hour, so they are shown and not written into outputs.
    """

    epoch: int
    phase: str
    train_loss: float
    val_loss: float
    val_weighted_auprc: float
    val_balanced_accuracy: float
    learning_rate: float
    trainable_share: float
    images_per_s: float
    seconds: float


@dataclass
class _Tally:
    """Sums over the steps of the present epoch."""

    loss: float = 0.0
    images: int = 0
    seconds: float = 0.0


class TrainingState:
    """Model, optimizer, moving average, records and best weights of a training.

    `micro_batches` is the number that a batch goes through the network in.
    """

    def __init__(self, classifier: Classifier, optimizer: str, recipe: RecipeParams) -> None:
        self.classifier = classifier
        shares = layer_rate_shares(classifier, recipe.layer_decay)
        self.optimizer = build_optimizer(optimizer, classifier, recipe.weight_decay, shares)
        self.average = Average(classifier, recipe.average_decay)
        self.epoch = 0
        self.step = 0
        self.micro_batches = recipe.accumulate
        self.records: list[EpochRecord] = []
        self.best: Validation | None = None
        self.best_epoch = 0
        self.best_weights: dict[str, Tensor] = {}
        self._tally = _Tally()
        self._mark = 0.0

    def open_epoch(self) -> None:
        """Start the clock, once the layers of the epoch are frozen.

        After a resume, the sums of the epoch's earlier steps are there already.
        """
        self.average.follow()
        self._mark = time.perf_counter()

    def finish_step(self, loss: float, images: int) -> None:
        """Apply the gradients of a step and count it."""
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.average.update()
        self.step += 1
        self._tally.loss += loss * images
        self._tally.images += images
        now = time.perf_counter()
        self._tally.seconds += now - self._mark
        self._mark = now

    def close_epoch(self, phase: str, validation: Validation, *, keep: Literal["best", "last"]) -> None:
        """Record the epoch, keep its weights (if they are the best), and make ready for the next."""
        self.epoch += 1
        self.records.append(self._record(phase, validation))
        if keep == "last" or validation.is_better_than(self.best):
            self.best, self.best_epoch = validation, self.epoch
            self.best_weights = copy_state(self.average.state)
        self.step = 0
        self._tally = _Tally()

    def roll_back(self) -> None:
        """Put the classifier back to its best weights so far, if an epoch is over."""
        if self.best_weights:
            self.classifier.load_state_dict(self.best_weights)

    def is_sound(self) -> bool:
        """Whether all weights are numbers."""
        return all(bool(value.isfinite().all()) for value in self.classifier.state_dict().values())

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps: tensors, numbers and texts."""
        return {
            "classifier": self.classifier.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.state_dict(),
            "epoch": self.epoch,
            "step": self.step,
            "micro_batches": self.micro_batches,
            "records": [asdict(record) for record in self.records],
            "best": None if self.best is None else asdict(self.best),
            "best_epoch": self.best_epoch,
            "best_weights": self.best_weights,
            "tally": asdict(self._tally),
        }

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Go on from a checkpoint of the same training."""
        self.classifier.load_state_dict(saved["classifier"])
        resume_optimizer(self.optimizer, saved["optimizer"])
        self.average.load_state_dict(saved["average"])
        self.epoch, self.step = saved["epoch"], saved["step"]
        self.micro_batches = saved["micro_batches"]
        self.records = [EpochRecord(**record) for record in saved["records"]]
        self.best = None if saved["best"] is None else Validation(**saved["best"])
        self.best_epoch = saved["best_epoch"]
        self.best_weights = copy_state(saved["best_weights"])
        self._tally = _Tally(**saved["tally"])

    def _record(self, phase: str, validation: Validation) -> EpochRecord:
        return EpochRecord(
            epoch=self.epoch,
            phase=phase,
            train_loss=self._tally.loss / self._tally.images,
            val_loss=validation.loss,
            val_weighted_auprc=validation.weighted_auprc,
            val_balanced_accuracy=validation.balanced_accuracy,
            learning_rate=max(group["lr"] for group in self.optimizer.param_groups),
            trainable_share=_trainable_share(self.classifier),
            images_per_s=self._tally.images / self._tally.seconds,
            seconds=self._tally.seconds,
        )


def _trainable_share(model: nn.Module) -> float:
    parameters = list(model.parameters())
    trainable = sum(p.numel() for p in parameters if p.requires_grad)
    return trainable / sum(p.numel() for p in parameters)
