import json

import pytest
from model_files import make_record

from lungml.errors import ModelError
from lungml.terms import Task
from lungml.tracking.promotion import compare, promote, roll_back
from lungml.tracking.registry import aliases_of, register

pytest_plugins = ["mlflow_project"]

MODEL = "lungml-nodule-binary"
TASK = Task.NODULE_BINARY


def measured(value, low):
    return {
        "test/weighted_auprc": value,
        "test/weighted_auprc_low": low,
        "test/weighted_auprc_chance": 0.5,
    }


def holder(client, alias):
    return aliases_of(client, MODEL).get(alias)


@pytest.fixture
def send(project, params):
    def one(weights, **numbers):
        return register(make_record(project / weights, params, weights=weights.encode(), **numbers), "first")

    return one


@pytest.mark.parametrize(
    ("value", "low", "passes"), [(0.9, 0.81, True), (0.9, 0.80, False), (0.9, 0.7, False), (0.7, 0.6, False)]
)
def test_a_challenger_passes_if_even_its_lower_end_beats_the_champion(value, low, passes):
    assert compare(measured(value, low), measured(0.8, 0.75)).passed is passes


def test_without_a_champion_the_lower_end_must_beat_chance():
    assert compare(measured(0.6, 0.51), None).passed
    assert not compare(measured(0.6, 0.45), None).passed


def test_a_model_without_an_interval_does_not_pass():
    assert not compare({"test/weighted_auprc": 1.0}, measured(0.8, 0.75)).passed


def test_a_better_challenger_becomes_champion_and_the_old_one_previous(project, client, send):
    send("old", value=0.8, low=0.7)
    send("new", value=0.95, low=0.85)

    change = promote(TASK, root=project, version=None, why="better on the same test part", force=False)

    assert (change.version, change.replaces) == (2, 1)
    assert (holder(client, "champion"), holder(client, "previous")) == ("2", "1")


def test_a_worse_challenger_is_refused_and_nothing_moves(project, client, send):
    send("old", value=0.8, low=0.7)
    send("new", value=0.82, low=0.72)

    with pytest.raises(ModelError, match=r"0\.7200 <= the champion's value 0\.8000"):
        promote(TASK, root=project, version=None, why="", force=False)

    assert holder(client, "champion") == "1"
    assert "promoted_who" not in client.get_model_version(MODEL, "2").tags


def test_models_measured_on_different_test_parts_are_not_compared(project, send):
    send("old", value=0.8, low=0.7)
    send("new", value=0.95, low=0.85, split="e" * 64)

    with pytest.raises(ModelError, match="different test parts"):
        promote(TASK, root=project, version=None, why="", force=False)


def test_overruling_the_gate_is_kept_with_who_when_and_why(project, client, send):
    send("old", value=0.8, low=0.7)
    send("new", value=0.8, low=0.7)

    change = promote(TASK, root=project, version=2, why="the old scanner was replaced", force=True)

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
    send("old", value=0.8, low=0.7)
    send("new", value=0.95, low=0.85)
    promote(TASK, root=project, version=None, why="", force=False)

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
        promote(TASK, root=project, version=None, why="", force=False)


@pytest.mark.parametrize("version", [None, 7])
def test_a_version_that_is_not_there_is_named(project, send, version):
    if version:
        send("old")

    with pytest.raises(ModelError, match="no version 7" if version else "no registered model"):
        promote(TASK, root=project, version=version, why="", force=False)
