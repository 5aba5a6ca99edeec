import json

import pytest
from model_files import make_answers, make_record

from lungml.errors import ModelError
from lungml.params.evaluation import GateParams, RegisterParams
from lungml.terms import Task
from lungml.tracking.promotion import Wish, promote, roll_back
from lungml.tracking.registry import aliases_of, register

pytest_plugins = ["mlflow_project"]

MODEL = "lungml-nodule-binary"
TASK = Task.NODULE_BINARY
GATE = GateParams(replicates=200)


def holder(client, alias):
    return aliases_of(client, MODEL).get(alias)


@pytest.fixture
def send(project, params):
    def one(weights, skill=0.5, **files):
        answers = make_answers(skill=skill)
        record = make_record(
            project / weights, params, weights=weights.encode(), **{"answers": answers} | files
        )
        return register(record, RegisterParams(gate=GATE))

    return one


def test_a_better_challenger_becomes_champion_and_the_old_one_previous(project, client, send):
    send("old", skill=0.3)
    send("new", skill=0.5)

    change = promote(TASK, GATE, Wish("better on the same nodules"), root=project)

    assert (change.version, change.replaces) == (2, 1)
    assert (holder(client, "champion"), holder(client, "previous")) == ("2", "1")


def test_a_worse_challenger_is_refused_and_nothing_moves(project, client, send):
    send("old", skill=0.3)
    send("new", skill=0.2)

    with pytest.raises(
        ModelError, match=r"version 2 minus champion 1 on 160 shared test nodules of 80 patients"
    ):
        promote(TASK, GATE, Wish(), root=project)

    assert holder(client, "champion") == "1"
    version = client.get_model_version(MODEL, "2")
    assert "promoted_who" not in version.tags
    assert version.tags["gate_passed"] == "false"
    assert version.description.endswith(f"Gate: {version.tags['gate']}.")


def test_models_without_a_shared_test_nodule_are_not_compared(project, send):
    send("old", answers=make_answers(nodules=range(160)))
    send("new", answers=make_answers(nodules=range(160, 320)))

    with pytest.raises(ModelError, match="champion 1 and version 2 share no test nodule"):
        promote(TASK, GATE, Wish(), root=project)


def test_overruling_the_gate_is_kept_with_who_when_and_why(project, client, send):
    send("old", skill=0.3)
    send("new", skill=0.3)

    change = promote(TASK, GATE, Wish("the old scanner was replaced", version=2, force=True), root=project)

    tags = client.get_model_version(MODEL, "2").tags
    (entry,) = [
        json.loads(value)
        for name, value in client.get_registered_model(MODEL).tags.items()
        if name.startswith("promotion ")
    ]
    assert tags["promoted_why"] == "the old scanner was replaced"
    assert tags["promoted_gate"].startswith("overruled: ")
    assert tags["promoted_who"] == change.who
    assert entry["when"] == change.when
    assert (entry["version"], entry["replaces"]) == (2, 1)


def test_rolling_back_returns_to_the_previous_champion_and_can_be_undone(project, client, send):
    send("old", skill=0.3)
    send("new", skill=0.5)
    promote(TASK, GATE, Wish(), root=project)

    roll_back(TASK, root=project, why="misses small nodules")
    after_one = holder(client, "champion")
    roll_back(TASK, root=project, why="it was the viewer")

    assert after_one == "1"
    assert (holder(client, "champion"), holder(client, "previous")) == ("2", "1")


def test_there_is_nothing_to_roll_back_to_at_first(project, send):
    send("old")

    with pytest.raises(ModelError, match="no previous champion"):
        roll_back(TASK, root=project, why="test")


def test_the_champion_cannot_be_promoted_again(project, send):
    send("old")

    with pytest.raises(ModelError, match="champion already"):
        promote(TASK, GATE, Wish(), root=project)


@pytest.mark.parametrize("version", [None, 7])
def test_a_version_that_is_not_there_is_named(project, send, version):
    if version:
        send("old")

    with pytest.raises(ModelError, match="no version 7" if version else "no registered model"):
        promote(TASK, GATE, Wish(version=version), root=project)
