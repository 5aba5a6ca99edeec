"""Where a study is kept: a journal file for the workers of one machine, PostgreSQL for workers anywhere.

The address of a database holds a password, so it is never a parameter: it comes from LUNGML_TUNE_STORAGE.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import optuna
from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, ProgrammingError, SQLAlchemyError

from lungml.errors import MissingInputError, ParamsError, ServiceError
from lungml.tuning.attendance import Attendance, HeartbeatAttendance, LockAttendance
from lungml.tuning.locks import JournalLock
from lungml.tuning.quiet import quiet

VARIABLE = "LUNGML_TUNE_STORAGE"
_ATTEMPTS = 5


@dataclass(frozen=True)
class Place:
    """Where a study is kept: in `journal`, unless there is the address `url` of a database."""

    journal: Path
    url: str | None = field(default=None, repr=False)  # it holds a password
    heartbeat_s: int = 30

    def is_gone(self) -> bool:
        """Whether it is a journal that was removed, as it is when the search is done."""
        return self.url is None and not self.journal.exists()


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


@contextmanager
def opened_study(place: Place, name: str, *, joins: bool) -> Iterator[tuple[optuna.Study, Attendance]]:
    """Open a study, and find how its workers know of each other.

    Args:
        place: where it is kept; tables and file are made on first use.
        name: of the study.
        joins: it must be there already.

    Raises:
        MissingInputError: it is not.
        ServiceError: the database does not answer, now or later within this context.
    """
    if joins and place.is_gone():
        raise _no_study()
    with _answering(place), _opened_storage(place) as (storage, attendance):
        yield _study_in(storage, name, joins=joins), attendance


def _study_in(storage: BaseStorage, name: str, *, joins: bool) -> optuna.Study:
    with quiet():
        if not joins:
            return optuna.create_study(
                study_name=name, storage=storage, load_if_exists=True, direction="maximize"
            )
        with suppress(KeyError):
            return optuna.load_study(study_name=name, storage=storage)
    raise _no_study()


@contextmanager
def _answering(place: Place) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, StorageInternalError) as error:
        raise _no_answer(place, error) from error


@contextmanager
def _opened_storage(place: Place) -> Iterator[tuple[BaseStorage, Attendance]]:
    if place.url is None:
        place.journal.parent.mkdir(parents=True, exist_ok=True)
        backend = JournalFileBackend(str(place.journal), JournalLock(place.journal))
        yield JournalStorage(backend), LockAttendance(place.journal.parent)
        return
    with quiet():
        database = _open_database(place.url, place.heartbeat_s)
    try:
        yield database, HeartbeatAttendance(database, place.heartbeat_s)
    finally:
        database.engine.dispose()


def _open_database(url: str, heartbeat_s: int) -> RDBStorage:
    attempts = 0
    while True:
        try:
            return RDBStorage(url, {"pool_pre_ping": True}, heartbeat_interval=heartbeat_s)
        except (IntegrityError, ProgrammingError):
            # Of workers that make the tables at once all but one fail, and find them on the next attempt.
            attempts += 1
            if attempts == _ATTEMPTS:
                raise
            time.sleep(1)
        except RuntimeError as error:
            raise ServiceError(
                f"the study's database {_shown(url)} holds tables of another program or of another Optuna; "
                f"give searches a database of their own in {VARIABLE}"
            ) from error


def _no_study() -> MissingInputError:
    return MissingInputError(
        "there is no such search to help with; start it with `dvc repro` or `lungml tune`, with the same "
        f"params.yaml, data and {VARIABLE}"
    )


def _no_answer(place: Place, error: Exception) -> ServiceError:
    cause = error.__cause__ or error
    reason = (str(getattr(cause, "orig", cause)).strip().splitlines() or [type(error).__name__])[0]
    return ServiceError(
        f"the study's database {_shown(place.url or '')} cannot be used: {reason.rstrip('.')}. "
        f"Start it or correct {VARIABLE}; without that variable the study is kept in a file"
    )


def _shown(url: str) -> str:
    return make_url(url).render_as_string(hide_password=True)
