"""Where MLflow is, and a session with it: one process at a time, errors as one sentence."""

from __future__ import annotations

import getpass
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import mlflow
from filelock import FileLock
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from lungml.errors import ServiceError
from lungml.terms import Task

_ANSWER_WITHIN_S = 4


def project_root() -> Path:
    """The project's folder: where DVC runs, or the working directory."""
    return Path(os.environ.get("DVC_ROOT") or Path.cwd()).absolute()


def store_uri(root: Path) -> str:
    """`MLFLOW_TRACKING_URI`, or else the SQLite file in the project's `mlruns`."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root / 'mlruns' / 'mlflow.db'}"


def missing_database(root: Path) -> Path | None:
    """The SQLite file of the store if it is not there; a mere look would make it."""
    scheme, _, file = store_uri(root).partition(":///")
    path = Path(file.partition("?")[0])
    return path if scheme == "sqlite" and not path.is_file() else None


@contextmanager
def session(root: Path, *, reading: bool = False) -> Iterator[MlflowClient]:
    """Give a client of the project's store; nobody else of this project writes to it meanwhile.

    The lock makes first use safe (processes that start at once would all migrate the database) and
    search-then-create one step. Whoever is only `reading` makes no folder for it.

    Raises:
        ServiceError: the store does not answer, refuses, or cannot be written.
    """
    uri = store_uri(root)
    before = os.environ.get("MLFLOW_TRACKING_URI")
    try:
        folder = root / "mlruns"
        if not reading:
            folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock") if folder.is_dir() else nullcontext():
            _ask_for_an_answer(uri)
            mlflow.set_tracking_uri(uri)
            yield MlflowClient(uri)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise ServiceError(
            f"MLflow at {_without_password(uri)}: {_first_line(error)}. "
            "Nothing is lost: every record is kept as files. "
            "Start the server or correct MLFLOW_TRACKING_URI, then run `lungml sync`"
        ) from error
    finally:
        mlflow.set_tracking_uri(None)  # type: ignore[arg-type]  # it unsets the variable too
        if before is not None:
            os.environ["MLFLOW_TRACKING_URI"] = before


def experiment_id(client: MlflowClient, task: Task, root: Path) -> str:
    """The task's experiment, made on first use; artifacts of a local store go beside it."""
    name = f"lungml/{task}"
    experiment = client.get_experiment_by_name(name)
    if experiment is not None:
        return str(experiment.experiment_id)
    local = store_uri(root).startswith("sqlite:")
    place = (root / "mlruns" / "artifacts" / task).as_uri() if local else None
    return str(client.create_experiment(name, artifact_location=place))


def who() -> str:
    """The user who runs this, for the record."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return f"uid {os.getuid()}"


def _ask_for_an_answer(uri: str) -> None:
    """MLflow's own retries take minutes on a dead server; ask once, briefly, before using it."""
    if not uri.startswith(("http://", "https://")):
        return
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=_ANSWER_WITHIN_S):  # noqa: S310
            return
    except urllib.error.HTTPError as error:
        if error.code >= 500:
            raise


def _without_password(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
