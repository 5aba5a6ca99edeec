"""Numbers of each task, flat."""

import json
from dataclasses import fields

from lungml.report.collect import TaskFiles
from lungml.report.summary import cross_validated, number_of, row_of
from lungml.report.summary import summary as flat_numbers
from lungml.terms import Task


def test_the_summary_holds_flat_numbers_of_each_task(page, finished_project):
    summary = json.loads((finished_project / "reports/summary.json").read_text())
    metrics = json.loads((finished_project / "reports/evaluate/nodule-five/metrics.json").read_text())

    numbers = summary["nodule-five"]

    assert set(summary) == {task.value for task in Task}
    assert numbers["weighted_auprc"] == metrics["raw"]["weighted_auprc"]["value"]
    trust = json.loads((finished_project / "reports/evaluate/nodule-five/trust.json").read_text())
    assert numbers["sensitivity_at_0.9"] == trust["operating_points"][0]["sensitivity"]["value"]
    assert numbers["sets_cover"] == trust["conformal"]["covered"]["value"]
    looks = ("test_openings", "test_openings_without_reason", "test_comparisons")
    assert [numbers[name] for name in looks] == [1, 0, 0]
    assert numbers["minus_diameter_qwk"] == metrics["model_minus_diameter"]["qwk"]["value"]
    assert all(value is None or isinstance(value, int | float) for value in numbers.values())


def cell(value):
    return {"value": value, "low": value - 0.125, "high": value + 0.125, "chance": 0.25, "skill": 0.5}


def task_files(**changes):
    """What is known of a task of which nothing but the evaluation is there."""
    metrics = {
        "n": 40,
        "patients": 20,
        "weights": "random",
        "raw": {"weighted_auprc": cell(0.75), "f1_weighted": cell(0.5)},
        "model_minus_diameter": {"weighted_auprc": cell(0.125)},
        "baselines": {"diameter": {"weighted_auprc": cell(0.5)}, "prevalence": {}},
    }
    empty = dict.fromkeys(field.name for field in fields(TaskFiles))
    lists = {"cards": [], "openings": [], "comparisons": [], "figures": {}}
    return TaskFiles(**empty | lists | {"task": Task.NODULE_BINARY, "metrics": metrics} | changes)


def test_a_line_of_the_table_has_the_headline_with_interval_chance_and_diameter():
    row = row_of(task_files(registration={"version": 3}))

    assert (row.task, row.n, row.patients, row.weights) == ("nodule-binary", 40, 20, "random")
    assert (row.auprc, row.low, row.high, row.chance, row.diameter) == (0.75, 0.625, 0.875, 0.25, 0.5)
    assert (row.f1, row.version) == (0.5, 3)


def test_a_metric_that_is_not_there_is_none_and_no_zero():
    row = row_of(task_files())

    assert (row.balanced_accuracy, row.version) == (None, None)
    assert number_of({}, "auroc") == dict.fromkeys(["value", "low", "high", "chance", "skill"])


def test_differences_and_baselines_are_told_by_their_names():
    numbers = flat_numbers([task_files()])["nodule-binary"]

    assert numbers["minus_diameter_weighted_auprc"] == 0.125
    assert numbers["diameter_weighted_auprc"] == 0.5
    assert numbers["prevalence_weighted_auprc"] is None
    assert numbers["random_weights"] is True


def test_a_model_of_one_training_has_no_estimate_of_a_cross_validation():
    estimate = {"auroc": cell(0.8)}
    folds = task_files(training={"cross_validated": {"raw": estimate}})

    assert cross_validated(folds) == estimate
    assert flat_numbers([folds])["nodule-binary"]["cross_validated_auroc"] == 0.8
    assert cross_validated(task_files(training={"epochs": 3})) == cross_validated(task_files()) == {}
