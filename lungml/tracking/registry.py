"""A record -> a version of its task's registered model.

A bundle is one version: sending it again finds that version. Versions carry where they come from as tags:
`git_commit`, `git_dirty`, `data_sha256`, `split_sha256`, `params_sha256`, `bundle_sha256`, `run_id`. The
newest version is `challenger`; the one in use is `champion`, which only the first one becomes by itself. A
challenger beside a champion carries what the gate would say of it (`gate`, `gate_passed`).
"""

from __future__ import annotations

import warnings
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Literal

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ParamSchema, ParamSpec, Schema, TensorSpec

import lungml
from lungml.params.evaluation import GateParams, RegisterParams
from lungml.params.trust import TrustParams
from lungml.sealing.ledger import NAME
from lungml.terms import Alias, Task
from lungml.tracking.gate import judge, write_verdict
from lungml.tracking.record import Record, Registration
from lungml.tracking.runs import finish_run, run_of, start_run
from lungml.tracking.searches import send_search
from lungml.tracking.store import experiment_id, project_root, session

_NEEDED_TO_SERVE = (
    *("mlflow", "numpy", "pandas", "pydantic", "safetensors", "scipy", "threadpoolctl", "timm", "torch"),
    "torchvision",
)


def register(record: Record, params: RegisterParams) -> Registration:
    """Send a record: a run, one for its search, a version, its aliases. What is there already stays as it is.

    A process that is killed on the way leaves a run that is not finished; the next call starts it anew.
    Aliases move last.

    Raises:
        ServiceError: MLflow does not answer, refuses, or cannot be written.
    """
    root = project_root()
    name = record.task.registered_model
    with session(root) as client:
        _make_registered_model(client, record.task)
        version = _version_of(client, record)
        experiment = experiment_id(client, record.task, root)
        search = send_search(client, experiment, record)
        run = run_of(client, experiment, record)
        if run is None:
            run_id = start_run(client, experiment, record, search)
            model_id = None if version else _log_model(run_id, record)
            finish_run(client, run_id, record, model_id)
        else:
            run_id, model_id = run.info.run_id, None
        if version is None:
            version = _make_version(client, record, run_id, model_id or _log_model(run_id, record))
        for key, value in (record.tags | {"run_id": run_id}).items():
            if version.tags.get(key) != value:
                client.set_model_version_tag(name, version.version, key, value)
        aliases = _move_aliases(client, name, str(version.version), params.promotion)
        gate = _ask_the_gate(client, name, str(version.version), params.gate, ledger=root / NAME)
    return Registration(int(version.version), run_id, aliases, gate)


def _make_registered_model(client: MlflowClient, task: Task) -> None:
    try:
        client.create_registered_model(
            task.registered_model,
            tags={"task": task, "classes": ", ".join(task.target.class_names)},
            description=f"Predicts radiologists' malignancy rating of a nodule from its {task.view} view. "
            "Input: HU (N, C, H, W), float32. Output: a probability for each class (N, K).",
        )
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _version_of(client: MlflowClient, record: Record) -> ModelVersion | None:
    found = client.search_model_versions(
        f"name = '{record.task.registered_model}' and tags.bundle_sha256 = '{record.bundle_sha256}'"
    )
    return found[0] if found else None


def _make_version(client: MlflowClient, record: Record, run_id: str, model_id: str) -> ModelVersion:
    return client.create_model_version(
        record.task.registered_model,
        source=f"models:/{model_id}",
        run_id=run_id,
        tags=record.tags | {"run_id": run_id},
        description=f"{record.headline()} Model card: card/model_card.html in its run.",
        model_id=model_id,
    )


def _log_model(run_id: str, record: Record) -> str:
    """Put the bundle and the code that loads it into a run; the id of the logged model."""
    classes = len(record.task.target.class_names)
    size_px = int(record.params["views.size_px"] or -1)
    signature = ModelSignature(
        Schema([TensorSpec(np.dtype("float32"), (-1, -1, size_px, size_px), name=None)]),
        Schema([TensorSpec(np.dtype("float64"), (-1, classes))]),
        ParamSchema(
            [
                ParamSpec("batch_size", "long", 64),
                ParamSpec("check", "boolean", False),
                ParamSpec("abstention", "double", TrustParams().abstention),
            ]
        ),
    )
    with warnings.catch_warnings(), mlflow.start_run(run_id=run_id):
        # It asks for type hints of its own kind and for an example to run; the signature says it all.
        warnings.simplefilter("ignore", UserWarning)
        info = mlflow.pyfunc.log_model(
            name=record.task,
            python_model=str(Path(__file__).with_name("served_model.py")),
            artifacts={"bundle": str(record.folders["bundle"])},
            code_paths=[str(Path(lungml.__file__).parent)],
            signature=signature,
            pip_requirements=[f"{name}=={installed_version(name)}" for name in _NEEDED_TO_SERVE],
            model_type="classifier",
            tags=record.tags,
        )
    return str(info.model_id)


def _move_aliases(
    client: MlflowClient, name: str, version: str, promotion: Literal["first", "never"]
) -> tuple[str, ...]:
    holders = aliases_of(client, name)
    if holders.get(Alias.CHALLENGER) != version:
        client.set_registered_model_alias(name, Alias.CHALLENGER, version)
    if promotion == "first" and Alias.CHAMPION not in holders:
        client.set_registered_model_alias(name, Alias.CHAMPION, version)
    return tuple(sorted(alias for alias, holder in aliases_of(client, name).items() if holder == version))


def _ask_the_gate(client: MlflowClient, name: str, number: str, gate: GateParams, *, ledger: Path) -> str:
    """What the gate says of a challenger, written on it; of the champion, what is written there."""
    version = client.get_model_version(name, number)
    champion = aliases_of(client, name).get(Alias.CHAMPION)
    if champion == number:
        return str(version.tags.get("gate", ""))
    holder = None if champion is None else client.get_model_version(name, champion)
    verdict = judge(client, version, holder, gate, ledger=ledger)
    write_verdict(client, version, verdict)
    return verdict.sentence


def aliases_of(client: MlflowClient, name: str) -> dict[str, str]:
    """Alias -> the version that holds it, as text (stores differ in whether they give a number)."""
    return {alias: str(version) for alias, version in client.get_registered_model(name).aliases.items()}
