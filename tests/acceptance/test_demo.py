"""The demo's claims, on the cohort and with the parameters a stranger gets."""

import sqlite3

import pytest
from workspace import make_workspace

from lungml.terms import Task

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    workspace = make_workspace(tmp_path_factory.mktemp("demo"))
    (workspace.root / "printed.txt").write_text(workspace.run("lungml", "demo"))
    return workspace


def headline(workspace, task):
    return workspace.json(f"reports/evaluate/{task}/metrics.json")["raw"]["weighted_auprc"]


def beyond_chance(workspace):
    """Tasks whose 95 % interval leaves chance out, after Bonferroni's correction for four tasks.

    On the normal scale that widens the interval by 2.50 / 1.96.
    """
    found = {}
    for task in Task:
        value = headline(workspace, task)
        low, high = (value["value"] + (value[end] - value["value"]) * 2.50 / 1.96 for end in ("low", "high"))
        if not low <= value["chance"] <= high:
            found[task] = value
    return found


def test_the_table_names_every_task_and_its_version(demo):
    table = (demo.root / "printed.txt").read_text()

    for task in Task:
        line = next(line for line in reversed(table.splitlines()) if task.value in line)
        assert f"{headline(demo, task)['value']:.3f}" in line
    assert "reports/report.html" in table
    assert "mlflow ui" in table
    assert "random" in table


def test_nodule_binary_is_clearly_above_chance_and_above_diameter_alone(demo):
    metrics = demo.json("reports/evaluate/nodule-binary/metrics.json")

    assert metrics["raw"]["weighted_auprc"]["low"] > metrics["raw"]["weighted_auprc"]["chance"]
    assert metrics["model_minus_diameter"]["weighted_auprc"]["low"] > 0


def test_the_registry_holds_four_models_with_their_lineage(demo):
    with sqlite3.connect(demo.root / "mlruns/mlflow.db") as store:
        aliases = set(store.execute("SELECT name, alias FROM registered_model_aliases"))
        tags = set(store.execute("SELECT name, key FROM model_version_tags"))

    for task in Task:
        assert {(task.registered_model, alias) for alias in ("challenger", "champion")} <= aliases
        for key in ("git_commit", "data_sha256", "split_sha256", "params_sha256"):
            assert (task.registered_model, key) in tags


@pytest.mark.acceptance
def test_with_permuted_labels_every_task_falls_to_chance(demo):
    demo.change(**{"labels.permute_seed": 7})

    demo.repro()

    assert not beyond_chance(demo)


@pytest.mark.acceptance
def test_a_cohort_without_signal_brings_every_task_to_chance(tmp_path):
    control = make_workspace(tmp_path / "no-signal", **{"acquire.phantom.cohort": "no-signal"})

    control.repro()

    assert not beyond_chance(control)
