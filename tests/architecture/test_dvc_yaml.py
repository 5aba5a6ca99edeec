"""`dvc.yaml`, `STAGES` and the stages' `run` functions say the same."""

import importlib
import re
import shlex

import pytest
from sources import ROOT, dvc_stages, paths_of

from lungml.cli import lungml, stage_signature
from lungml.params import Params, load_params
from lungml.params.task import TaskParams
from lungml.stages import STAGES
from lungml.terms import Task, View

LOOP_ITEMS = {
    "${key}": "nodule-binary",
    "${item}": "nodule",
    "${item.view}": "nodule",
    "${item.backbone}": "resnet10t",
}


def words_of(stage):
    command = dvc_stages()[stage]["cmd"]
    for placeholder, value in LOOP_ITEMS.items():
        command = command.replace(placeholder, value)
    return shlex.split(command)


def test_dvc_yaml_holds_exactly_the_stages():
    assert set(dvc_stages()) == set(STAGES)


def test_every_task_is_in_the_shipped_scope():
    scope = load_params(ROOT / "params.yaml").scope

    assert set(scope.tasks) == set(Task)
    assert set(scope.views) == set(View)


@pytest.mark.parametrize("stage", STAGES)
def test_the_command_of_a_stage_parses(stage):
    program, name, *options = words_of(stage)
    command = lungml.get_command(None, name)

    context = command.make_context(name, options)

    assert program == "lungml"
    assert set(context.params) >= set(
        stage_signature(importlib.import_module(f"lungml.stages.{name}").run)[1]
    )


@pytest.mark.parametrize("stage", STAGES)
def test_every_path_of_a_command_is_a_declared_dep_or_out(stage):
    entry = dvc_stages()[stage]
    declared = [
        path for kind in ("deps", "outs", "metrics", "plots") for path in paths_of(entry.get(kind, []))
    ]

    named = re.findall(r"(?:data|models|reports)/\S+", entry["cmd"])

    assert set(named) <= set(declared)
    assert named


@pytest.mark.parametrize("stage", STAGES)
def test_declared_params_are_the_sections_run_takes(stage):
    sections, _ = stage_signature(importlib.import_module(f"lungml.stages.{stage}").run)
    names = dvc_stages()[stage]["params"]
    declared = {name if name.startswith("tasks") else name.split(".")[0] for name in names}

    expected = set()
    for section in sections:
        for model, prefix in ((Params, ""), (TaskParams, "tasks.${key}.")):
            expected |= {
                prefix + name for name, field in model.model_fields.items() if field.annotation is section
            }

    assert declared == expected


def test_the_shipped_params_are_valid_and_cover_every_task():
    assert set(load_params(ROOT / "params.yaml").tasks) == set(Task)


def test_a_stage_that_loads_weights_runs_again_when_pretraining_makes_others():
    """Whatever depends on the lock of published weights also depends on the folder of our own."""
    deps = {stage: set(paths_of(entry["deps"])) for stage, entry in dvc_stages().items()}
    loads = {stage for stage, paths in deps.items() if "weights.lock.json" in paths}

    assert paths_of(dvc_stages()["pretrain"]["outs"])[0] == "models/pretrained"
    assert loads >= {"pretrain", "embed", "tune", "finetune"}
    assert {stage for stage in loads if "models/pretrained" in deps[stage]} == loads - {"pretrain"}


def test_the_shipped_params_pretrain_nothing():
    assert load_params(ROOT / "params.yaml").pretrain.backbones == ()
