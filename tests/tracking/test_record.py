import json
from dataclasses import replace

import pytest
from model_files import make_record, metrics_json, write_model_files

from lungml.errors import InputError, MissingInputError
from lungml.params.model import TuneParams
from lungml.tracking.record import (
    Registration,
    flat_params,
    lineage_tags,
    read_record,
    test_metrics,
    write_record,
)

pytest_plugins = ["mlflow_project"]

test_metrics.__test__ = False


def test_equal_files_in_another_folder_are_the_same_record(tmp_path, params):
    assert make_record(tmp_path / "a", params).sha256() == make_record(tmp_path / "b", params).sha256()


def test_the_commit_does_not_make_another_record(tmp_path, params):
    record = make_record(tmp_path, params)

    assert replace(record, tags={**record.tags, "git_commit": "f" * 40}).sha256() == record.sha256()


@pytest.mark.parametrize(
    "path",
    ["bundle/weights.safetensors", "evaluation/roc.png", "log/history.csv", "evaluation/predictions.parquet"],
)
def test_a_changed_file_makes_another_record(tmp_path, params, path):
    record = make_record(tmp_path, params)
    before = record.sha256()

    (tmp_path / path).write_bytes(b"other")

    assert record.sha256() != before


def test_a_search_is_named_by_its_files_and_not_by_the_model(tmp_path, params):
    record, other = (make_record(tmp_path / name, params, weights=name.encode()) for name in "ab")
    before = record.search_sha256()

    assert other.search_sha256() == before
    (tmp_path / "a" / "tuned" / "best.json").write_text("{}")
    assert record.search_sha256() != before


def test_a_missing_folder_is_named(tmp_path, params):
    record = make_record(tmp_path, params)
    gone = replace(record, folders={**record.folders, "screen": tmp_path / "nowhere"})

    with pytest.raises(MissingInputError, match="nowhere"):
        gone.sha256()


def test_of_tables_of_patients_only_the_one_without_ids_is_sent(tmp_path, params):
    sent = make_record(tmp_path, params).figures_and_summaries("evaluation")

    assert {path.name for path in sent} == {"roc.png", "metrics.json", "test_answers.csv"}
    assert (tmp_path / "evaluation" / "predictions.parquet").exists()


def test_metrics_keep_interval_and_chance_and_leave_out_what_is_undefined():
    flat = test_metrics(metrics_json("c" * 64))

    assert (flat["test/auroc"], flat["test/auroc_low"], flat["test/auroc_chance"]) == (0.8, 0.7, 0.5)
    assert flat["diameter/auroc"] == 0.6
    assert flat["test/patients"] == 20
    assert "test/mcc" not in flat


def test_metrics_of_a_comparison_have_its_corrected_p_value():
    flat = test_metrics(metrics_json("c" * 64))

    metadata = {name: value for name, value in flat.items() if name.startswith("model_minus_metadata/")}
    assert metadata == {
        "model_minus_metadata/weighted_auprc": 0.1,
        "model_minus_metadata/weighted_auprc_low": -0.1,
        "model_minus_metadata/weighted_auprc_high": 0.2,
        "model_minus_metadata/weighted_auprc_p_corrected": 0.4,
    }


def test_the_headline_says_the_result_beside_chance_and_that_it_is_a_rating(tmp_path, params):
    text = make_record(tmp_path, params).headline()

    assert "weighted AUPRC 0.800 (0.700 to 0.900), chance 0.500; 40 nodules of 20 patients" in text
    assert "random initial weights" in text
    assert "rating, not cancer" in text


def test_a_headline_without_an_interval_says_that_it_is_undefined(tmp_path, params):
    assert "0.800 (undefined to 0.900)" in make_record(tmp_path, params, low=None).headline()


def test_the_history_has_a_row_per_epoch_without_words_and_gaps(tmp_path, params):
    first, *_, last = make_record(tmp_path, params).epochs()

    assert first == {"epoch": 0.0, "train_loss": 0.9, "val_weighted_auprc": 0.55}
    assert last == {"epoch": 2.0, "train_loss": 0.5}


def test_the_numbers_of_variants_are_told_apart(tmp_path, params):
    record = make_record(tmp_path, params)
    (record.folders["log"] / "history.csv").write_text(
        "epoch,phase,val_loss,variant\n1,schedule,0.5,plain\n1,schedule,0.6,close-up (32 mm)\n"
    )

    assert record.epochs() == [
        {"epoch": 1.0, "plain/val_loss": 0.5},
        {"epoch": 1.0, "close-up _32 mm_/val_loss": 0.6},
    ]


def test_what_the_search_chose_is_told_apart_from_what_it_measured(tmp_path, params):
    record = make_record(tmp_path, params)
    best = {"backbone": "resnet10t", "batch_size": 16, "weighted_auprc": 0.7, "trials": 2}
    (tmp_path / "tuned" / "best.json").write_text(json.dumps(best))

    assert record.chosen() == {"backbone": "resnet10t", "batch_size": "16"}


def test_params_have_their_names_of_the_file():
    flat = flat_params({"tune": TuneParams(trials=3)})

    assert flat["tune.trials"] == 3
    assert all(not isinstance(value, list | dict) for value in flat.values())


def test_another_parameter_value_has_another_checksum():
    checksums = {
        lineage_tags("c" * 64, metrics_json("c" * 64), flat_params({"tune": TuneParams(trials=trials)}))[
            "params_sha256"
        ]
        for trials in (3, 4)
    }

    assert len(checksums) == 2


def test_an_evaluation_of_another_bundle_is_refused():
    with pytest.raises(InputError, match="dvc repro"):
        lineage_tags("c" * 64, metrics_json("d" * 64), {})


def test_a_record_survives_the_file(tmp_path, params):
    record = make_record(tmp_path / "model", params)
    known = Registration(version=3, run_id="abc", aliases=("challenger",), gate="refused: worse")

    write_record(tmp_path / "record.json", record, known)

    assert read_record(tmp_path / "record.json") == (record, known)


def test_a_record_whose_files_changed_is_refused(tmp_path, params):
    record = make_record(tmp_path / "model", params)
    write_record(tmp_path / "record.json", record, Registration(None, None, ()))
    write_model_files(tmp_path / "model", weights=b"trained again")

    with pytest.raises(InputError, match="changed since"):
        read_record(tmp_path / "record.json")


def test_another_json_file_is_not_a_record(tmp_path):
    (tmp_path / "record.json").write_text('{"task": "nodule-binary"}')

    with pytest.raises(InputError, match="not a record"):
        read_record(tmp_path / "record.json")


def test_the_estimate_of_a_cross_validation_is_among_the_metrics(tmp_path, params):
    record = make_record(tmp_path, params)
    alone = record.test_metrics()
    cell = {"value": 0.7, "low": 0.6, "high": None, "chance": 0.5, "skill": 0.4}
    estimate = {"raw": {"auroc": cell}, "tta": {"auroc": cell | {"value": 0.72}}}
    (tmp_path / "log" / "summary.json").write_text(json.dumps({"cross_validated": estimate}))

    found = record.test_metrics()

    assert found["cross_validated/auroc"] == 0.7
    assert found["cross_validated/auroc_low"] == 0.6
    assert found["cross_validated_tta/auroc"] == 0.72
    assert "cross_validated/auroc_high" not in found
    assert {name: value for name, value in found.items() if not name.startswith("cross")} == alone
