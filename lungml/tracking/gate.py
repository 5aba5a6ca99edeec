"""What a challenger must show to become champion, as one sentence with its numbers.

Both versions' answers on the test nodules are in their runs, without ids. The gate takes the nodules that
both answered, draws their patients with replacement, and asks for the paired difference: its lower end must
lie above the margin (rule superior), or above minus the margin (rule not-inferior). Without a champion, the
lower end of the challenger's own interval must lie above chance.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from lungml.errors import InputError
from lungml.evaluation.comparison import Difference
from lungml.evaluation.keyed import FILE, KeyedAnswers, read_answers
from lungml.evaluation.metrics import HEADLINE
from lungml.evaluation.pairing import Drawing, direction, headline_difference, pair_up
from lungml.params.evaluation import GateParams
from lungml.sealing.ledger import enter_comparison
from lungml.terms import Task

_FOLDER = "evaluation"
"""Of a run's artifacts."""
_PARAGRAPH = "\n\nGate: "


@dataclass(frozen=True)
class Verdict:
    """What the gate found, as one sentence."""

    passed: bool
    text: str

    @property
    def sentence(self) -> str:
        """With what follows from it."""
        return f"{'passed' if self.passed else 'refused'}: {self.text}"


def judge(
    client: MlflowClient,
    challenger: ModelVersion,
    champion: ModelVersion | None,
    gate: GateParams,
    *,
    ledger: Path,
) -> Verdict:
    """Hold a version against the champion; None if there is none.

    Two versions are held against each other by their answers on test, which is entered in `ledger`.

    Raises:
        InputError: the ledger is damaged.
        OutputError: it cannot be written.
    """
    if champion is None:
        return _beside_chance(client, challenger)
    names = f"version {challenger.version}", f"champion {champion.version}"
    try:
        answers = [_answers(client, version) for version in (challenger, champion)]
        pair = pair_up(answers[1], answers[0], (names[1], names[0]))
    except InputError as error:
        return Verdict(False, str(error))
    enter_comparison(ledger, _task_of(challenger), _bundles_of(challenger, champion), "gate")
    found = headline_difference(pair, gate.metric, Drawing(gate.confidence, gate.replicates, gate.seed))
    shared = f"{len(pair.patients)} shared test nodules of {len(set(pair.patients))} patients"
    if any(pair.alone):
        shared += f" ({pair.alone[1]} of {names[0]} and {pair.alone[0]} of {names[1]} are not shared)"
    return by_rule(found, gate, f"{names[0]} minus {names[1]} on {shared}")


def write_verdict(client: MlflowClient, version: ModelVersion, verdict: Verdict) -> None:
    """Put it where a reviewer looks: tags `gate` and `gate_passed`, last paragraph of the description.

    What is there already is not written again.
    """
    name, number = version.name, str(version.version)
    for key, value in (("gate", verdict.sentence), ("gate_passed", str(verdict.passed).lower())):
        if version.tags.get(key) != value:
            client.set_model_version_tag(name, number, key, value)
    description = f"{(version.description or '').partition(_PARAGRAPH)[0]}{_PARAGRAPH}{verdict.sentence}."
    if description != version.description:
        client.update_model_version(name, number, description)


def by_rule(found: Difference, gate: GateParams, between: str) -> Verdict:
    """The rule on a paired difference, `between` says of what."""
    if found.value is None or found.low is None or found.high is None:
        return Verdict(False, f"{between}: too few patients to compare {gate.metric}")
    sign = direction(gate.metric)
    low = min(sign * found.low, sign * found.high)
    bar = gate.margin if gate.rule == "superior" else -gate.margin
    passed = low > bar
    wanted = "better by more than" if gate.rule == "superior" else "worse by less than"
    words = "no difference shown" if found.low <= 0 <= found.high else "better" if low > 0 else "worse"
    return Verdict(
        passed,
        f"{between}: {gate.metric} {found.value:+.4f} ({found.low:+.4f} to {found.high:+.4f}), {words}; "
        f"{'shown' if passed else 'not shown'} to be {wanted} {gate.margin:g} (rule {gate.rule}, paired "
        f"bootstrap over patients, {gate.confidence:.0%} interval)",
    )


def _task_of(version: ModelVersion) -> Task:
    return next(task for task in Task if task.registered_model == version.name)


def _bundles_of(challenger: ModelVersion, champion: ModelVersion) -> tuple[str, str]:
    return challenger.tags["bundle_sha256"], champion.tags["bundle_sha256"]


def _beside_chance(client: MlflowClient, version: ModelVersion) -> Verdict:
    metrics: dict[str, float] = client.get_run(version.tags["run_id"]).data.metrics
    low, chance = metrics.get(f"test/{HEADLINE}_low"), metrics.get(f"test/{HEADLINE}_chance")
    between = f"no champion to compare version {version.version} with"
    if low is None or chance is None:
        return Verdict(False, f"{between}, and its {HEADLINE} has no interval")
    passed = low > chance
    return Verdict(
        passed,
        f"{between}: lower end of its {HEADLINE} {low:.4f} {'>' if passed else '<='} chance {chance:.4f}",
    )


def _answers(client: MlflowClient, version: ModelVersion) -> KeyedAnswers:
    """What a version answered on test.

    Raises:
        InputError: its run does not have it, or it is damaged.
    """
    run_id = version.tags["run_id"]
    missing = InputError(
        f"version {version.version} has no {FILE} in its run {run_id}, as an older lungml registered it, so "
        "it cannot be compared in pairs; evaluate and register that model again"
    )
    if FILE not in {Path(item.path).name for item in client.list_artifacts(run_id, _FOLDER)}:
        raise missing
    with tempfile.TemporaryDirectory(prefix="lungml-answers-") as place:
        try:
            path = mlflow.artifacts.download_artifacts(
                run_id=run_id, artifact_path=f"{_FOLDER}/{FILE}", dst_path=place
            )
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            raise missing from error
        return read_answers(Path(path))
