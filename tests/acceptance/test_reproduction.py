"""The pipeline as a whole: what runs, what does not, and that two roads give the same files."""

import hashlib
import re

import pytest
from workspace import QUICK, make_workspace

from lungml.graph import read_graph
from lungml.terms import Task

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

NOT_BYTES = re.compile(r"reports/(register/.*|report\.html|summary\.json)")
"""They name the registry's version and run."""


@pytest.fixture(scope="module")
def reproduced(tmp_path_factory):
    workspace = make_workspace(tmp_path_factory.mktemp("repro"), **QUICK)
    workspace.repro()
    return workspace


def checksums(root):
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("data", "models", "reports")
        for path in sorted((root / folder).rglob("*"))
        if path.is_file() and not NOT_BYTES.fullmatch(name := path.relative_to(root).as_posix())
    }


def descendants(root, *stages):
    found = set(stages)
    for node in read_graph(root):
        if found & set(node.needs):
            found.add(node.name)
    return found


def test_every_output_is_there(reproduced):
    assert (reproduced.root / "reports/report.html").stat().st_size > 100_000
    for task in Task:
        assert reproduced.json(f"reports/register/{task}.json")["version"]


def test_a_second_run_does_nothing(reproduced):
    assert reproduced.repro() == []


def test_another_tuning_of_a_task_reruns_that_tasks_branch_alone(reproduced):
    reproduced.change(**{"tasks.slice-five.tune.space.learning_rate.low": 2e-3})

    ran = reproduced.repro()

    assert set(ran) == {
        "tune@slice-five",
        "finetune@slice-five",
        "evaluate@slice-five",
        "explain@slice-five",
        "card@slice-five",
        "register@slice-five",
        "report",
    }


def test_another_size_of_views_reruns_its_descendants_alone(reproduced):
    reproduced.change(**{"views.size_px": 64})

    ran = reproduced.repro()

    assert set(ran) == descendants(reproduced.root, "views@slice", "views@nodule")
    assert not {"acquire", "index", "validate", "split"} & set(ran)


@pytest.mark.acceptance
def test_the_prefect_flow_leaves_the_same_files_as_dvc_repro(reproduced, tmp_path):
    """The changes made by the tests above are undone first: DVC restores those files from its cache."""
    reproduced.change(**{"views.size_px": 96, "tasks.slice-five.tune.space.learning_rate.low": 1e-3})
    reproduced.repro()
    other = make_workspace(tmp_path / "flow", **QUICK)

    other.run("python", "-m", "flows.reproduce")

    assert checksums(other.root) == checksums(reproduced.root)
