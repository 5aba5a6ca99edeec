"""Where a study is kept, and what becomes of trials whose worker is dead.

A journal file serves the workers of one machine: each writes down which process it is, and a trial of a
process that is gone is dead. PostgreSQL serves workers anywhere: each sends a heartbeat, and a trial without
one for twice the interval is dead. Its place in the budget is given to a new trial.

The address of a database holds a password, so it is never a parameter: it comes from LUNGML_TUNE_STORAGE.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import optuna
import psutil
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from lungml.errors import ParamsError, ServiceError
from lungml.tuning.sampling import SLOT, slot_of

VARIABLE = "LUNGML_TUNE_STORAGE"
_WORKER = "worker"
_UNNAMED_FOR = timedelta(seconds=60)
"""So long a trial may be without its worker's name: it is written right after the trial is made."""
_ATTEMPTS = 3


@dataclass(frozen=True)
class Place:
    """Where a study is kept: in `journal`, unless there is the address `url` of a database."""

    journal: Path
    url: str | None = None
    heartbeat_s: int = 30

    @property
    def is_shared(self) -> bool:
        """Whether workers of other machines reach it."""
        return self.url is not None


def place_of(journal: Path, environment: Mapping[str, str] = os.environ) -> Place:
    """The place that LUNGML_TUNE_STORAGE names, or else the journal file.

    Raises:
        ParamsError: the variable is not the address of a PostgreSQL database.
    """
    url = environment.get(VARIABLE) or None
    if url is None:
        return Place(journal)
    try:
        address = make_url(url)
    except ArgumentError:
        address = None
    if address is None or address.get_backend_name() != "postgresql":
        raise ParamsError(
            f"{VARIABLE} is not the address of a PostgreSQL database; expected "
            "postgresql://user:password@host:port/database"
        )
    return Place(journal, address.set(drivername="postgresql+psycopg").render_as_string(hide_password=False))


def open_storage(place: Place) -> BaseStorage:
    """Open the storage of a place; its tables are made on first use.

    Raises:
        ServiceError: the database does not answer.
    """
    if place.url is None:
        place.journal.parent.mkdir(parents=True, exist_ok=True)
        return JournalStorage(JournalFileBackend(str(place.journal)))
    for attempt in range(1, _ATTEMPTS + 1):  # two workers may make the tables at once; one of them fails
        try:
            return RDBStorage(
                place.url,
                heartbeat_interval=place.heartbeat_s,
                heartbeat_stale_trial_callback=requeue,
            )
        except SQLAlchemyError as error:
            if attempt == _ATTEMPTS:
                raise _no_answer(place.url, error) from error
            time.sleep(attempt)
    raise AssertionError("unreachable")


def sign(trial: optuna.Trial) -> None:
    """Write down which process works on a trial."""
    trial.set_user_attr(_WORKER, _process(os.getpid()))


def requeue(study: optuna.Study, trial: FrozenTrial) -> None:
    """Put a new trial with the place of a dead one into the queue."""
    again = {SLOT: slot_of(study, trial)}
    study.add_trial(create_trial(state=TrialState.WAITING, user_attrs=again))


def bury_dead(study: optuna.Study, place: Place) -> None:
    """Notice trials whose worker is dead, and queue others for them; of several callers one does it."""
    if place.is_shared:
        optuna.storages.fail_stale_trials(study)
        return
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        if _is_dead(trial):
            give_back(study, trial)


def give_back(study: optuna.Study, trial: FrozenTrial) -> None:
    """End a trial without a result and queue another for it, unless somebody else has done so."""
    if trial.state is TrialState.RUNNING:
        try:
            study.tell(trial.number, state=TrialState.FAIL)
        except (UpdateFinishedTrialError, ValueError):  # it has ended meanwhile
            return
    requeue(study, trial)


def _is_dead(trial: FrozenTrial) -> bool:
    worker = trial.user_attrs.get(_WORKER)
    if worker is None:
        started = trial.datetime_start
        return started is None or datetime.now() - started > _UNNAMED_FOR
    here = worker["host"] == socket.gethostname()
    return bool(here and worker != _process(worker["pid"]))


def _process(pid: int) -> dict[str, object]:
    """A process by name; another one that gets its number later started at another time."""
    try:
        started = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        started = 0.0
    return {"host": socket.gethostname(), "pid": pid, "started": started}


def _no_answer(url: str, error: SQLAlchemyError) -> ServiceError:
    reason = (str(getattr(error, "orig", error)).strip().splitlines() or [type(error).__name__])[0]
    return ServiceError(
        f"the study's database {make_url(url).render_as_string(hide_password=True)} cannot be used: "
        f"{reason}. "
        f"Start it or correct {VARIABLE}; without that variable the study is kept in a file"
    )
