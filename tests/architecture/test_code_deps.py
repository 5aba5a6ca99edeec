"""The code a stage runs is among its deps; otherwise `dvc repro` skips a stage whose code changed."""

from functools import cache

import grimp
import pytest
from sources import ROOT, dvc_stages, paths_of

from lungml.stages import STAGES

VOCABULARY = (
    "lungml.terms",
    "lungml.errors",
    "lungml.params",
    "lungml.progress",
    "lungml.compute",
    "lungml.parallel",
    "lungml.signals",
    "lungml.stages",
)
"""Not deps: parameter values are tracked one by one, and the rest changes no result."""


@cache
def graph():
    return grimp.build_graph("lungml", include_external_packages=False)


def is_vocabulary(module):
    return module == "lungml" or any(module == name or module.startswith(f"{name}.") for name in VOCABULARY)


def source_path(module):
    path = ROOT.joinpath(*module.split("."))
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).relative_to(ROOT).as_posix()


@pytest.mark.parametrize("stage", STAGES)
def test_modules_of_a_stage_are_covered_by_its_deps(stage):
    entry = f"lungml.stages.{stage}"
    modules = graph().find_upstream_modules(entry)
    needed = {source_path(entry)} | {source_path(module) for module in modules if not is_vocabulary(module)}
    deps = paths_of(dvc_stages()[stage]["deps"])

    missing = sorted(
        path for path in needed if not any(path == dep or path.startswith(f"{dep}/") for dep in deps)
    )

    assert missing == []


@pytest.mark.parametrize("stage", STAGES)
def test_no_code_dep_of_a_stage_is_superfluous(stage):
    entry = f"lungml.stages.{stage}"
    used = {source_path(module) for module in {entry, *graph().find_upstream_modules(entry)}}
    code = [dep for dep in paths_of(dvc_stages()[stage]["deps"]) if dep.startswith("lungml/")]

    assert [dep for dep in code if not any(path == dep or path.startswith(f"{dep}/") for path in used)] == []
