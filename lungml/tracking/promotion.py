"""Which version of a task's model is champion: a gate, a person's decision, and the way back.

The gate (`lungml.tracking.gate`) holds the version against the champion on the test nodules that both
answered. What it found is on the version as tags and in its description, whether it was followed or not.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from lungml.errors import ModelError
from lungml.params.evaluation import GateParams
from lungml.sealing.ledger import NAME
from lungml.terms import Alias, Task
from lungml.tracking.gate import Verdict, judge, write_verdict
from lungml.tracking.registry import aliases_of
from lungml.tracking.store import session, who


@dataclass(frozen=True)
class Promotion:
    """A change of champion, as it is kept in the registry."""

    task: Task
    version: int
    replaces: int | None
    who: str
    when: str
    why: str
    gate: str


@dataclass(frozen=True)
class Wish:
    """What a person asks for."""

    why: str = ""
    version: int | None = None
    """None: the challenger."""
    force: bool = False
    """Against the gate."""


def promote(task: Task, gate: GateParams, wish: Wish, *, root: Path) -> Promotion:
    """Make a version the champion; the old champion becomes `previous`.

    What the gate found is written on the version also if it is refused.

    Raises:
        ModelError: there is no such version, it is champion already, or the gate refuses and `force` is off.
        ServiceError: MLflow does not answer.
    """
    name = task.registered_model
    with session(root) as client:
        holders = _aliases(client, name)
        chosen = str(wish.version) if wish.version is not None else holders.get(Alias.CHALLENGER)
        if chosen is None:
            raise ModelError(f"{name} has no challenger; run `dvc repro register@{task}`, or give --version")
        champion = holders.get(Alias.CHAMPION)
        if chosen == champion:
            raise ModelError(f"{name} version {chosen} is champion already; nothing to promote")
        verdict = _gate(client, name, (chosen, champion), gate, ledger=root / NAME)
        if not verdict.passed and not wish.force:
            raise ModelError(
                f"{name} version {chosen} is not promoted: {verdict.text}. "
                "To decide against the gate, give --force and --why"
            )
        said = ("passed: " if verdict.passed else "overruled: ") + verdict.text
        return _carry_out(client, _change(task, chosen, champion, wish.why, said))


def roll_back(task: Task, *, root: Path, why: str) -> Promotion:
    """Make the previous champion champion again; the one it replaces becomes `previous`.

    Raises:
        ModelError: there is no previous champion.
        ServiceError: MLflow does not answer.
    """
    name = task.registered_model
    with session(root) as client:
        holders = _aliases(client, name)
        previous = holders.get(Alias.PREVIOUS)
        if previous is None:
            raise ModelError(
                f"{name} has no previous champion to go back to; give `lungml promote --version`"
            )
        change = _change(task, previous, holders.get(Alias.CHAMPION), why, "rolled back")
        return _carry_out(client, change)


def _aliases(client: MlflowClient, name: str) -> dict[str, str]:
    try:
        return aliases_of(client, name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise ModelError(f"there is no registered model {name}; run `dvc repro` first") from error


def _gate(
    client: MlflowClient,
    name: str,
    versions: tuple[str, str | None],
    gate: GateParams,
    *,
    ledger: Path,
) -> Verdict:
    """Ask the gate about the first of `versions` beside the second, and write its answer on the first."""
    chosen = _version(client, name, versions[0])
    champion = None if versions[1] is None else _version(client, name, versions[1])
    verdict = judge(client, chosen, champion, gate, ledger=ledger)
    write_verdict(client, chosen, verdict)
    return verdict


def _version(client: MlflowClient, name: str, version: str) -> ModelVersion:
    try:
        return client.get_model_version(name, version)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise ModelError(f"{name} has no version {version}; `mlflow ui` lists them") from error


def _change(task: Task, chosen: str, champion: str | None, why: str, gate: str) -> Promotion:
    replaces = None if champion is None else int(champion)
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return Promotion(task, int(chosen), replaces, who(), when, why, gate)


def _carry_out(client: MlflowClient, change: Promotion) -> Promotion:
    """Write down who, when and why, then move the aliases; `champion` moves last, in one step."""
    name = change.task.registered_model
    for key in ("who", "when", "why", "gate"):
        client.set_model_version_tag(name, str(change.version), f"promoted_{key}", getattr(change, key))
    client.set_registered_model_tag(name, f"promotion {change.when}", json.dumps(asdict(change)))
    if change.replaces is not None:
        client.set_registered_model_alias(name, Alias.PREVIOUS, str(change.replaces))
    client.set_registered_model_alias(name, Alias.CHAMPION, str(change.version))
    return change
