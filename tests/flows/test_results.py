import json
from pathlib import Path
from shutil import copyfile

import pytest
from model_files import metrics_json

from flows.results import result_rows, summary
from lungml.report.wording import INFERRED, REOPENED
from lungml.sealing.ledger import Sealed, enter

PARAMS = Path(__file__).parents[2] / "params.yaml"


def evaluate(root, task, metrics):
    folder = root / "reports" / "evaluate" / task
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(metrics))
    copyfile(PARAMS, root / "params.yaml")


def test_each_evaluated_task_has_a_row_beside_chance_and_diameter(tmp_path):
    evaluate(tmp_path, "nodule-binary", metrics_json("c" * 64))

    (row,) = result_rows(tmp_path)

    assert row["task"] == "nodule-binary"
    assert (row["weighted AUPRC"], row["95 % low"], row["chance"], row["diameter alone"]) == (
        0.8,
        0.7,
        0.5,
        0.6,
    )
    assert row["version"] is None


def test_the_registered_version_is_in_the_row(tmp_path):
    evaluate(tmp_path, "nodule-binary", metrics_json("c" * 64))
    (tmp_path / "reports" / "register").mkdir()
    (tmp_path / "reports" / "register" / "nodule-binary.json").write_text('{"version": 3}')

    assert result_rows(tmp_path)[0]["version"] == 3


def test_a_metric_that_is_undefined_is_a_dash(tmp_path):
    metrics = metrics_json("c" * 64)
    metrics["raw"]["weighted_auprc"]["low"] = None
    evaluate(tmp_path, "nodule-binary", metrics)

    text = summary(tmp_path, {"evaluate@nodule-binary": "Completed"}, result_rows(tmp_path))

    assert "| nodule-binary | 0.8 | - |" in text


def test_the_summary_has_every_stage_and_where_to_look_further(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "report.html").write_text("<p>")

    text = summary(tmp_path, {"index": "Cached", "split": "Failed", "views": "not run"}, [])

    assert "| split | Failed |" in text
    assert "| views | not run |" in text
    assert (tmp_path / "reports" / "report.html").as_uri() in text
    assert "<http://127.0.0.1:5000>" in text


def test_inferred_patients_are_told_before_any_number(tmp_path):
    (tmp_path / "data" / "index").mkdir(parents=True)
    (tmp_path / "data" / "index" / "summary.json").write_text('{"patients_inferred": true}')

    text = summary(tmp_path, {"index": "Completed"}, [])

    assert text.splitlines()[2] == INFERRED


@pytest.mark.parametrize(("reason", "told"), [("", True), ("the first read slices upside down", False)])
def test_a_test_part_opened_again_without_a_reason_is_told_before_any_number(tmp_path, reason, told):
    for bundle in "bc":
        sealed = Sealed("nodule-binary", "a" * 64, bundle * 64)
        enter(tmp_path / "test-ledger.jsonl", sealed, reason=reason, metrics={}, preregistered=None)
    evaluate(tmp_path, "nodule-binary", metrics_json("c" * 64))

    text = summary(tmp_path, {"evaluate@nodule-binary": "Completed"}, result_rows(tmp_path))

    assert (REOPENED in text.partition("| stage |")[0]) is told
