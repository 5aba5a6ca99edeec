"""A registered model -> its bundle as files."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.models import Model

from lungml.errors import ModelError
from lungml.tracking.store import project_root, session

_NOT_THERE = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}


@contextmanager
def fetched_bundle(uri: str) -> Iterator[Path]:
    """A copy of the bundle of a registered model, such as `models:/lungml-nodule-five@champion`.

    Raises:
        ModelError: the registry has no such model, or it is none of lungml.
        ServiceError: MLflow does not answer.
    """
    with tempfile.TemporaryDirectory(prefix="lungml-model-") as place:
        with session(project_root()):
            folder = Path(_download(uri, place))
        flavors: dict[str, Any] = Model.load(str(folder)).flavors
        try:
            inside = flavors["python_function"]["artifacts"]["bundle"]["path"]
        except KeyError as error:
            raise ModelError(f"{uri} is no model that lungml has registered; name another") from error
        yield folder / inside


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
