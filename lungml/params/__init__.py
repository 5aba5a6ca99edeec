"""`params.yaml`, typed: one frozen section per concern, an unknown key is an error.

A parameter takes three hops under one name: `params.yaml` -> a field of its section -> an argument.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError, field_validator
from pydantic_core import ErrorDetails

from lungml.errors import ParamsError
from lungml.params.audit import AuditParams
from lungml.params.card import CardParams
from lungml.params.data import (
    AcquireParams,
    CheckParams,
    ConsensusParams,
    CtParams,
    IntensityParams,
    LabelParams,
    SplitParams,
    ViewsParams,
)
from lungml.params.evaluation import EvaluateParams, ExplainParams, RegisterParams, ReportParams
from lungml.params.model import EmbedParams, OutlierParams, ScreenParams, WeightsParams
from lungml.params.pretrain import PretrainParams
from lungml.params.scope import ScopeParams
from lungml.params.section import Section, in_words, refusal
from lungml.params.task import TaskParams
from lungml.terms import Target, Task

_MAX_BYTES = 1 << 20


class Params(Section):
    """The whole of `params.yaml`."""

    scope: ScopeParams
    acquire: AcquireParams
    ct: CtParams
    consensus: ConsensusParams
    labels: LabelParams
    checks: CheckParams
    split: SplitParams
    views: ViewsParams
    audit: AuditParams
    intensity: IntensityParams
    pretrain: PretrainParams
    weights: WeightsParams
    embed: EmbedParams
    outliers: OutlierParams
    screen: ScreenParams
    tasks: dict[Task, TaskParams]
    evaluate: EvaluateParams
    explain: ExplainParams
    card: CardParams
    registration: RegisterParams
    report: ReportParams

    @field_validator("tasks")
    @classmethod
    def _panels_of_five_points(cls, tasks: dict[Task, TaskParams]) -> dict[Task, TaskParams]:
        for task, params in tasks.items():
            if task.target is not Target.FIVE and params.finetune.answers_labels:
                raise refusal(
                    f"{task}: recipe.answers: label needs the readers' five points, and this task has two "
                    "classes; set it to: as trained"
                )
        return tasks

    @field_validator("tasks")
    @classmethod
    def _counts_of_its_classes(cls, tasks: dict[Task, TaskParams]) -> dict[Task, TaskParams]:
        for task, params in tasks.items():
            classes = len(task.target.class_names)
            for counts in params.upsample_counts:
                if len(counts) != classes:
                    raise refusal(
                        f"{task}: recipe.upsample_counts has {len(counts)} number(s), and the task {classes} "
                        "classes; give one for each, or null"
                    )
        return tasks


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check `params.yaml`; every problem is listed at once.

    Raises:
        ParamsError: the file is missing, is not YAML, or a value is not allowed.
    """
    found = read_yaml(path)
    if not isinstance(found, dict):
        held = {type(None): "nothing", list: "a list"}.get(type(found), "one value")
        raise ParamsError(
            f"{path} holds {held}, expected the sections of docs/params.md with their values; take the "
            "params.yaml that comes with lungml (`git checkout params.yaml`) and change it"
        )
    try:
        return Params.model_validate(found)
    except ValidationError as error:
        problems = _problems(error.errors())
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise ParamsError(f"{path} has {len(problems)} wrong value(s):\n{lines}") from error


def read_yaml(path: Path) -> Any:
    """What a parameter file says, unchecked.

    Raises:
        ParamsError: the file is missing, too large, or is not YAML.
    """
    if not path.is_file():
        raise ParamsError(f"{path} is not there; run lungml in the project's root folder")
    if path.stat().st_size > _MAX_BYTES:
        raise ParamsError(f"{path} is larger than 1 MiB, so it is not a lungml parameter file")
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).load(path)
    except YAMLError as error:
        place = str(error).replace("\n", " ")
        raise ParamsError(f"{path} is not valid YAML: {place}") from error


def _problems(errors: Iterable[ErrorDetails]) -> list[str]:
    """A line for each wrong value; one that an anchor of YAML carries to many places is one."""
    places: dict[tuple[Any, ...], list[str]] = {}
    for error in errors:
        where = [str(part) for part in error["loc"]]
        places.setdefault((where[0], where[-1], _problem(error)), []).append(".".join(where))
    return [f"{found[0]}{_more(len(found) - 1)}{what}" for (_, _, what), found in places.items()]


def _more(places: int) -> str:
    return f" (and in {places} more place{'s' if places > 1 else ''})" if places else ""


def _problem(error: ErrorDetails) -> str:
    """What follows the name of a value."""
    if error["type"] == "extra_forbidden":
        return ": there is no such parameter; check the spelling against docs/params.md"
    if error["type"] == "missing":
        return " is missing; docs/params.md says what it is"
    return f": {in_words(error)}"
