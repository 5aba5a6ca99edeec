"""What a run of a trained model holds."""

from model_files import make_record

from lungml.params.evaluation import RegisterParams
from lungml.system_metrics import Measurement, keep
from lungml.tracking.registry import register

pytest_plugins = ["mlflow_project"]


def test_a_run_holds_parameters_epochs_metrics_data_and_figures(project, client, params):
    run_id = register(make_record(project / "model", params), RegisterParams()).run_id

    run = client.get_run(run_id)
    losses = client.get_metric_history(run_id, "train_loss")
    assert run.info.status == "FINISHED"
    assert run.data.params["views.size_px"] == str(params.views.size_px)
    assert run.data.params["chosen.learning_rate"] == "0.02"
    assert [(point.step, point.value) for point in losses] == [(0, 0.9), (1, 0.7), (2, 0.5)]
    assert len(client.get_metric_history(run_id, "val_weighted_auprc")) == 2
    assert run.data.metrics["test/weighted_auprc_low"] == 0.7
    assert {(each.dataset.name, each.dataset.digest) for each in run.inputs.dataset_inputs} == {
        ("data", "a" * 32),
        ("split", "b" * 32),
    }
    assert [file.path for file in client.list_artifacts(run_id, "explanation")] == ["explanation/gallery.png"]
    assert [file.path for file in client.list_artifacts(run_id, "card")] == [
        "card/model_card.html",
        "card/model_card.md",
    ]
    assert "evaluation/predictions.parquet" not in [
        file.path for file in client.list_artifacts(run_id, "evaluation")
    ]


def test_a_run_holds_what_the_machine_did_and_is_found_again_without_it(project, client, params):
    record = make_record(project / "model", params)
    busy = [
        Measurement("system/cpu_utilization_percentage", 90.0 + step, 1_800_000_000_000, step)
        for step in (0, 1)
    ]
    keep(record.folders["bundle"], record.bundle_sha256, busy)

    first = register(record, RegisterParams())

    points = client.get_metric_history(first.run_id, "system/cpu_utilization_percentage")
    assert [(point.step, point.value, point.timestamp) for point in points] == [
        (0, 90.0, 1_800_000_000_000),
        (1, 91.0, 1_800_000_000_000),
    ]
    keep(record.folders["bundle"], "c" * 64, busy)
    assert register(record, RegisterParams()) == first
