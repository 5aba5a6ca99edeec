from pathlib import Path

import pytest
from toy_projects import make_project

from lungml.errors import InputError, ServiceError
from lungml.graph import out_of_date, read_graph
from lungml.terms import Task

ROOT = Path(__file__).parents[1]


def test_every_stage_comes_after_all_it_needs():
    done = set()
    for node in read_graph(ROOT):
        assert set(node.needs) <= done
        done.add(node.name)


def test_the_first_stage_is_acquire_and_the_last_the_report():
    nodes = read_graph(ROOT)

    assert nodes[0].name == "acquire"
    assert nodes[-1].name == "report"


def test_a_task_has_a_branch_of_its_own():
    needs = {node.name: set(node.needs) for node in read_graph(ROOT)}

    for task in Task:
        others = {f"@{other}" for other in Task if other is not task}
        branch = [
            f"{stage}@{task}" for stage in ("tune", "finetune", "evaluate", "explain", "card", "register")
        ]
        assert not any(name.endswith(other) for stage in branch for name in needs[stage] for other in others)


def test_training_wants_a_gpu_worker_and_reading_does_not():
    pools = {node.name: node.pool for node in read_graph(ROOT)}

    assert pools["finetune@nodule-five"] == "gpu"
    assert pools["index"] == "cpu"


def test_what_takes_weights_waits_for_pretraining():
    needs = {node.name: node.needs for node in read_graph(ROOT)}

    waiting = {name.split("@")[0] for name, needed in needs.items() if "pretrain" in needed}
    assert waiting == {"embed", "tune", "finetune"}


def test_a_folder_without_dvc_is_one_sentence(tmp_path):
    with pytest.raises(
        InputError, match=r"DVC cannot read the stages in .*: you are not inside of a DVC repo"
    ):
        read_graph(tmp_path)


@pytest.mark.parametrize("text", ["stages: [", "stages:\n  first: {cmd: true, depz: [a]}\n"])
def test_a_dvc_yaml_that_dvc_cannot_read_is_one_sentence(tmp_path, text):
    project = make_project(tmp_path / "toy")
    (project / "dvc.yaml").write_text(text)

    with pytest.raises(InputError, match=r"DVC cannot read the stages in .*dvc\.yaml"):
        read_graph(project)


def test_another_dvc_at_work_is_one_sentence(tmp_path):
    from dvc.repo import Repo

    project = make_project(tmp_path / "toy")

    with Repo(str(project)).lock, pytest.raises(ServiceError, match="another DVC is at work in"):
        out_of_date(project)
