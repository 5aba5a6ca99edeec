"""Which version of a task's model is champion: a gate, a person's decision, and the way back.

The gate compares what was measured when each version was evaluated. Both must have been measured on the
same test part of the same data; then the lower end of the challenger's interval of weighted AUPRC must lie
above the champion's value. The intervals are of each model alone, so where both models find the same nodules
hard this asks for more than a paired comparison would: it may refuse a better model, it rarely lets a worse
one in. Without a champion, the lower end must lie above chance.
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
from lungml.terms import Alias, Task
from lungml.tracking.registry import aliases_of
from lungml.tracking.store import session, who

_SAME_TEST = ("data_sha256", "split_sha256")


@dataclass(frozen=True)
class Verdict:
    """What the gate found, as one sentence."""

    passed: bool
    text: str


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


def compare(candidate: dict[str, float], champion: dict[str, float] | None) -> Verdict:
    """The gate's rule on the test metrics of two versions.

    Args:
        candidate: `test/weighted_auprc` with `_low` and `_chance`.
        champion: the same of the version in use; None if there is none.
    """
    low = candidate.get("test/weighted_auprc_low")
    if low is None:
        return Verdict(False, "the candidate's weighted AUPRC has no interval")
    what = "chance" if champion is None else "the champion's value"
    bar = candidate["test/weighted_auprc_chance"] if champion is None else champion["test/weighted_auprc"]
    sign, passed = (">", True) if low > bar else ("<=", False)
    return Verdict(passed, f"lower end of weighted AUPRC {low:.4f} {sign} {what} {bar:.4f}")


def promote(task: Task, *, root: Path, version: int | None, why: str, force: bool) -> Promotion:
    """Make a version (by default the challenger) the champion; the old champion becomes `previous`.

    Raises:
        ModelError: there is no such version, it is champion already, or the gate refuses and `force` is off.
        ServiceError: MLflow does not answer.
    """
    name = task.registered_model
    with session(root) as client:
        holders = _aliases(client, name)
        chosen = str(version) if version is not None else holders.get(Alias.CHALLENGER)
        if chosen is None:
            raise ModelError(f"{name} has no challenger; run `dvc repro register@{task}`, or give --version")
        champion = holders.get(Alias.CHAMPION)
        if chosen == champion:
            raise ModelError(f"{name} version {chosen} is champion already; nothing to promote")
        verdict = _gate(client, name, chosen, champion)
        if not verdict.passed and not force:
            raise ModelError(
                f"{name} version {chosen} is not promoted: {verdict.text}. "
                "To decide against the gate, give --force and --why"
            )
        gate = ("passed: " if verdict.passed else "overruled: ") + verdict.text
        return _carry_out(client, _change(task, chosen, champion, why, gate))


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


def _gate(client: MlflowClient, name: str, chosen: str, champion: str | None) -> Verdict:
    candidate = _version(client, name, chosen)
    if champion is None:
        return compare(_metrics(client, candidate), None)
    holder = _version(client, name, champion)
    if any(candidate.tags.get(tag) != holder.tags.get(tag) for tag in _SAME_TEST):
        return Verdict(
            False, f"version {chosen} and champion {champion} were measured on different test parts"
        )
    return compare(_metrics(client, candidate), _metrics(client, holder))


def _version(client: MlflowClient, name: str, version: str) -> ModelVersion:
    try:
        return client.get_model_version(name, version)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        raise ModelError(f"{name} has no version {version}; `mlflow ui` lists them") from error


def _metrics(client: MlflowClient, version: ModelVersion) -> dict[str, float]:
    metrics: dict[str, float] = client.get_run(version.tags["run_id"]).data.metrics
    return metrics


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
