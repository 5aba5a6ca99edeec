"""`params.yaml`, typed: one frozen section per concern, an unknown key is an error.

A parameter takes three hops under one name: `params.yaml` -> a field of its section -> an argument.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError, field_validator

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
from lungml.params.section import SENTENCE, Section, refusal
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


def load_params(path: Path = Path("params.yaml")) -> Params:
    """Read and check `params.yaml`; every problem is listed at once.

    Raises:
        ParamsError: the file is missing, is not YAML, or a value is not allowed.
    """
    try:
        return Params.model_validate(read_yaml(path))
    except ValidationError as error:
        problems = "\n".join(f"  {_problem(item)}" for item in error.errors())
        raise ParamsError(f"{path} has {error.error_count()} wrong value(s):\n{problems}") from error


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


def _problem(item: Any) -> str:
    where = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        return f"{where}: there is no such parameter; check the spelling against docs/params.md"
    if item["type"] == "missing":
        return f"{where} is missing; docs/params.md says what it is"
    if item["type"] == SENTENCE:
        return f"{where}: {item['msg']}"
    return f"{where}: {item['msg']}, found {item['input']!r}"
