from pathlib import Path

from lungml.graph import read_graph
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
