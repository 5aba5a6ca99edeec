"""A registered model -> its bundle as files; a run -> its evaluation as files."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import Model

from lungml.errors import ModelError
from lungml.terms import Task
from lungml.tracking.store import missing_database, project_root, session

_RUN_ID = re.compile(r"[0-9a-f]{32}")
_NOT_THERE = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}


@contextmanager
def fetched_bundle(uri: str) -> Iterator[Path]:
    """A copy of the bundle of a registered model, such as `models:/lungml-nodule-five@champion`.

    Raises:
        ModelError: the registry has no such model, or it is none of lungml.
        ServiceError: MLflow does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="lungml-model-") as place:
        with _store():
            folder = Path(_download(uri, place))
        flavors: dict[str, Any] = Model.load(str(folder)).flavors
        try:
            inside = flavors["python_function"]["artifacts"]["bundle"]["path"]
        except KeyError as error:
            raise ModelError(f"{uri} is no model that lungml has registered; name another") from error
        yield folder / inside


@dataclass(frozen=True)
class FetchedRun:
    """One run of one task."""

    task: Task
    evaluation: Path
    params: dict[str, str]
    tags: dict[str, str]


def is_run(name: str) -> bool:
    """Whether a name is that of an MLflow run or of a registered model, and no folder's."""
    return bool(_RUN_ID.fullmatch(name)) or name.startswith(("runs:/", "models:/"))


@contextmanager
def fetched_run(name: str) -> Iterator[FetchedRun]:
    """The evaluation of a run: its id, `runs:/ID`, `models:/NAME@ALIAS` or `models:/NAME/VERSION`.

    Raises:
        ModelError: MLflow has no such run or version, or it is no trained model of lungml.
        ServiceError: MLflow does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="lungml-run-") as place, _store() as client:
        try:
            run = client.get_run(_run_id(client, name))
            task = Task(run.data.tags["task"])
            folder = mlflow.artifacts.download_artifacts(
                run_id=run.info.run_id, artifact_path="evaluation", dst_path=place
            )
        except (KeyError, ValueError) as error:
            raise ModelError(
                f"{name} is no trained model that lungml has sent to MLflow; name another"
            ) from error
        except MlflowException as error:
            if error.error_code not in _NOT_THERE:
                raise
            raise ModelError(f"MLflow has no {name} ({error.message}); look at its runs in MLflow") from error
        yield FetchedRun(task, Path(folder), dict(run.data.params), dict(run.data.tags))


@contextmanager
def _store() -> Iterator[MlflowClient]:
    """MLflow as it is: nothing is made where it is not."""
    root = project_root()
    if (missing := missing_database(root)) is not None:
        raise ModelError(
            f"MLflow has no store here ({missing} is not there); go to the folder of the project that "
            "made it, or set MLFLOW_TRACKING_URI"
        )
    with session(root, reading=True) as client:
        yield client


def _run_id(client: MlflowClient, name: str) -> str:
    kind, _, rest = name.rpartition(":/")
    if kind != "models":
        return rest
    model, alias, version = *rest.partition("@")[::2], rest.rpartition("/")[2]
    found = (
        client.get_model_version_by_alias(model, alias)
        if alias
        else client.get_model_version(rest.rpartition("/")[0], version)
    )
    return str(found.tags["run_id"])


def _download(uri: str, place: str) -> str:
    try:
        return str(mlflow.artifacts.download_artifacts(uri, dst_path=place))
    except MlflowException as error:
        if error.error_code not in _NOT_THERE:
            raise
        raise ModelError(
            f"the registry has no {uri} ({error.message}); look at its models in MLflow, or run `dvc repro`, "
            "which registers one"
        ) from error
