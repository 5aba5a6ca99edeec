"""Numbers of each task, flat."""

import json

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
