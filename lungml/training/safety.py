"""What keeps a training from being lost: checkpoints, stops on request, and the way back from a NaN."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lungml.errors import InterruptedRunError
from lungml.training.checkpoint import Checkpoints
from lungml.training.processes import ALONE, Processes
from lungml.training.state import TrainingState
from lungml.training.validation import DivergedError


@dataclass(frozen=True)
class Safety:
    """With `checkpoints` None nothing is saved; `stop_asked` says whether the training should stop.

    Of several processes the first reads and writes, and all stop after the same step.
    """

    checkpoints: Checkpoints | None
    stop_asked: Callable[[], bool]
    processes: Processes = ALONE

    @property
    def folder(self) -> Path | None:
        """Where unfinished work is kept."""
        return self.checkpoints.folder if self.checkpoints else None

    def resume(self, state: TrainingState) -> None:
        """Go on from the last checkpoint, if there is one."""
        if self.checkpoints and (saved := self.processes.from_first(self.checkpoints.load)):
            state.load_state_dict(saved)

    def after_step(self, state: TrainingState) -> None:
        """Save and stop, if that was asked for.

        Raises:
            InterruptedRunError: it was.
            DivergedError: it was, and the last step left weights that are not numbers; they are not saved.
        """
        if not self.processes.any(self.stop_asked()):
            return
        self._save(state)
        self.processes.wait()  # torchrun ends all when one has ended
        raise InterruptedRunError(
            f"training was stopped on request in epoch {state.epoch + 1}, after step {state.step}; "
            "the same command goes on from there"
        )

    def after_epoch(self, state: TrainingState) -> None:
        """Save.

        Raises:
            DivergedError: a weight is not a number; nothing is saved.
        """
        self._save(state)

    @contextmanager
    def rolling_back(self, state: TrainingState) -> Iterator[None]:
        """Where a training diverges, put its model back to its best weights and say what is kept."""
        try:
            yield
        except DivergedError as error:
            state.roll_back()
            raise DivergedError(f"{error}. {self._what_is_kept(state)}") from error

    def _save(self, state: TrainingState) -> None:
        if not state.is_sound():
            raise DivergedError(
                f"a weight is not a number after epoch {state.epoch}, step {state.step}. "
                "Lower the learning rate (tune.space.learning_rate in params.yaml)"
            )
        if self.checkpoints and self.processes.first:
            self.checkpoints.save(
                state.state_dict(), epoch=state.epoch, step=state.step, best_epoch=state.best_epoch
            )

    def _what_is_kept(self, state: TrainingState) -> str:
        if not state.records:
            return "No epoch was finished, so there is nothing to go back to"
        kept = f"The model is back at its best epoch, {state.best_epoch}"
        if self.folder:
            kept += f", and {self.folder} holds the training as it was after epoch {state.epoch}"
        return kept
