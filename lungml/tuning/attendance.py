"""Which trials somebody is at work on, and which are dead: their worker ended without saying how it went.

A study in a file serves the workers of one machine: each holds a lock on a file for its trial, which the
system drops when the process ends, however it ends. A study in a database serves workers anywhere: each sends
Optuna's heartbeat, and a trial without one for twice the interval is dead.

A worker that was taken for dead by mistake (its machine slept) learns it when it writes the next time, by an
`UpdateFinishedTrialError`; so what it says later never counts beside what its successor says.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Protocol

import optuna
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from lungml.tuning.locks import held

WORKER = "worker"
"""Attribute of a trial: host and process that work on it."""
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


class Attendance(Protocol):
    """How workers of a study know of each other."""

    def at_work(self, study: optuna.Study, trial: optuna.Trial) -> AbstractContextManager[None]:
        """Show that this process works on a trial.

        Raises:
            UpdateFinishedTrialError: somebody has taken it for dead meanwhile.
        """

    def bury_dead(self, study: optuna.Study) -> None:
        """End the trials whose worker is dead."""

    def drawing(self, study: optuna.Study) -> AbstractContextManager[None]:
        """Draw the candidate of a trial while no other worker of the study draws one."""


@dataclass(frozen=True)
class LockAttendance:
    """By locks on files in `folder`."""

    folder: Path

    @contextmanager
    def at_work(self, study: optuna.Study, trial: optuna.Trial) -> Iterator[None]:
        with held(self._file(study, trial.number)):
            _sign(trial)
            yield

    def bury_dead(self, study: optuna.Study) -> None:
        for trial in _running(study):
            with suppress(BlockingIOError), held(self._file(study, trial.number), wait=False):
                _bury(study, trial)

    def drawing(self, study: optuna.Study) -> AbstractContextManager[None]:
        return held(self.folder / f"{study.study_name} drawing.lock")

    def _file(self, study: optuna.Study, number: int) -> Path:
        return self.folder / f"{study.study_name} {number:05}.lock"


@dataclass
class HeartbeatAttendance:
    """By Optuna's heartbeat in `storage`, every `interval_s` seconds.

    Optuna does not see a trial whose worker died before its first heartbeat. So a worker signs its trial
    after that, and `unsigned_since` holds when each unsigned one was first seen, on this machine's clock.
    """

    storage: RDBStorage
    interval_s: int
    unsigned_since: dict[int, float] = field(default_factory=dict)

    @contextmanager
    def at_work(self, study: optuna.Study, trial: optuna.Trial) -> Iterator[None]:
        study_id = self.storage.get_study_id_from_name(study.study_name)
        trial_id = self.storage.get_trial_id_from_study_id_trial_number(study_id, trial.number)
        self.storage.record_heartbeat(trial_id)
        _sign(trial)
        over = Event()
        heart = Thread(target=self._beat, args=(trial_id, over), daemon=True)
        heart.start()
        try:
            yield
        finally:
            over.set()
            heart.join(self.interval_s)

    def bury_dead(self, study: optuna.Study) -> None:
        optuna.storages.fail_stale_trials(study)
        unsigned = {trial.number: trial for trial in _running(study) if WORKER not in trial.user_attrs}
        now = time.monotonic()
        self.unsigned_since = {number: self.unsigned_since.get(number, now) for number in unsigned}
        for number, since in self.unsigned_since.items():
            if now - since > 2 * self.interval_s:
                _bury(study, unsigned[number])

    @contextmanager
    def drawing(self, study: optuna.Study) -> Iterator[None]:
        with self.storage.engine.begin() as connection:  # PostgreSQL drops the lock when this ends, or breaks
            connection.execute(_LOCK, {"name": study.study_name})
            yield

    def _beat(self, trial_id: int, over: Event) -> None:
        while not over.wait(self.interval_s):
            # A database that is down for a moment must not end the beating.
            with suppress(SQLAlchemyError, StorageInternalError):
                self.storage.record_heartbeat(trial_id)


def _sign(trial: optuna.Trial) -> None:
    trial.set_user_attr(WORKER, f"{socket.gethostname()} {os.getpid()}")


def _running(study: optuna.Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def _bury(study: optuna.Study, trial: FrozenTrial) -> None:
    with suppress(UpdateFinishedTrialError):  # somebody else was quicker
        study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
