"""A pre-registration: what is to be tested, written down before the test part is opened.

A YAML file with an entry per task, named by `evaluate.preregistration`:

    nodule-binary: {primary_metric: weighted_auprc, compared_with: diameter, policy: mean, n: 237}
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from lungml.errors import ParamsError
from lungml.labels import POLICIES, policy_sha256
from lungml.params.data import LabelParams
from lungml.params.section import Section
from lungml.terms import Task

OWN = "params.yaml"
"""Stands for the label policy of params.yaml, which may have no name."""


class Preregistration(Section):
    """What is claimed for a task."""

    primary_metric: str
    """A metric of the evaluation; the one the verdict is about."""
    compared_with: str
    """A baseline of the evaluation."""
    policy: str
    """A label policy of `lungml policies`, or `OWN`."""
    n: Annotated[int, Field(ge=1)]
    """Nodules of the test part."""

    def deviations(self, metrics: Mapping[str, Any], labels: LabelParams) -> list[str]:
        """What of it does not hold for the content of `metrics.json` and the policy of the labels."""
        policy = labels if self.policy == OWN else POLICIES.get(self.policy)
        known = {
            f"policy {self.policy}": policy is not None and policy_sha256(policy) == policy_sha256(labels),
            f"metric {self.primary_metric}": self.primary_metric in metrics["raw"],
            f"baseline {self.compared_with}": self.compared_with in metrics["baselines"],
            f"{self.n} nodules (found {metrics['n']})": self.n == metrics["n"],
        }
        return [what for what, holds in known.items() if not holds]


def read_preregistration(path: Path, task: Task) -> Preregistration:
    """Read what was registered for a task.

    Raises:
        ParamsError: the file is not there, is wrong, or says nothing about the task.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if not path.is_file():
        raise ParamsError(
            f"evaluate.preregistration names {path}, which is not there; write it and commit it before the "
            "test part is opened (docs/trust.md), or set evaluate.preregistration: null"
        )
    try:
        content = YAML(typ="safe", pure=True).load(path)
        found = TypeAdapter(dict[Task, Preregistration]).validate_python(content)
    except (YAMLError, ValidationError) as error:
        raise ParamsError(
            f"{path} is no pre-registration: {' '.join(str(error).split())[:300]}; expected lines such as "
            "nodule-binary: {primary_metric: weighted_auprc, compared_with: diameter, policy: mean, n: 237}"
        ) from error
    if task not in found:
        raise ParamsError(f"{path} registers nothing for {task}; add an entry before its test part is opened")
    return found[task]
